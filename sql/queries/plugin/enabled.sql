select name, granted, settings from plugins where is_enabled order by name;
