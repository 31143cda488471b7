-- Discards the feed if this database was restored from a backup of another server: transaction ids start again here, so
-- the old entries would come before everything written from now on.
do $$
declare
  v_here text := (select system_identifier from pg_control_system());
  v_known text := (select value from hv.meta where key = 'server');
begin
  if v_known is distinct from v_here then
    if v_known is not null then
      delete from hv.changes;
      update hv.pruned set xid = '0', n = 0;
      delete from hv.writers;
    end if;
    insert into hv.meta (key, value) values ('server', v_here) on conflict (key) do update set value = v_here;
  end if;
end $$;
