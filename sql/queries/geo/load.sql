-- Everybody the geo index shows. Read by COPY, in a snapshot that was asked for before.
select vendor_id, lat_deg, lon_deg, mask from vendor_places where is_shown;
