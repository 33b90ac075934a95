select id from installation;
