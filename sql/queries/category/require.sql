-- $1 ids. Raises 422 unless each is a category.
select category_require($1::uuid[]);
