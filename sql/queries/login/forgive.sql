-- $1 subject
delete from login_attempts where subject = $1;
