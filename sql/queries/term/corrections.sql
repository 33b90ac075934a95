-- $1 words. What is typed for each of them that is no word of ours.
select typed, word from term_corrections($1::text[]);
