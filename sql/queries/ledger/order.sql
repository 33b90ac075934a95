-- $1 id or number of an order
select id, number, status, currency, money_text(total_minor, currency) as total
from orders where id::text = lower($1) or number = upper($1);
