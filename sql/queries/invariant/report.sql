select name, violations = 0 as ok, violations, sample from invariant_report();
