-- $1 simulation
update policy_simulations set status = 'STOPPED', finished_at = now(), updated_at = now()
where id = $1::uuid and status in ('PENDING', 'RUNNING');
