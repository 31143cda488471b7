-- One call of hv.write does a whole group of writes: the transaction ends at the server, whatever becomes of the client.
--
-- What is done all the time keeps its plans (force_generic_plan): to plan it again costs three times what it does. A kept
-- plan must not depend on how large the tables were when it was made, so nothing there leaves a choice: a particle is
-- looked up by its point in a subquery of its own (`offset 0`), and updated by its place (`ctid`), which the lock on the
-- row keeps from changing. The rest is planned each time (hv.do_rarely).

-- An answer of more than p_most bytes is left out, and the client reads it when the transaction has ended. The server
-- sends an answer before it commits, so a client that reads nothing would keep the locks of the others.
-- `sizes`: of the states, in bytes, when they are left out.
create function hv.write(
  p_writer uuid, p_number bigint, p_locks integer[], p_kind text, p_jobs jsonb, p_states bytea[], p_most bigint
) returns table (xid bigint, outcome jsonb, states bytea[], logged bigint, sizes bigint[]) language plpgsql
set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_last bigint;
  v_void text;
begin
  -- Until the commit, behind this function: what is given away as an epoch must survive a crash of the server.
  if current_setting('synchronous_commit') not in ('on', 'remote_apply') then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  -- Before anything that gives this transaction its id; sorted, so that no two wait for each other.
  if p_locks <> '{}' then
    perform pg_advisory_xact_lock(hv_lock, k) from unnest(p_locks) k;
  end if;
  -- A group that is sent again waits here for its first attempt. `:=` runs no query; `perform` would.
  v_void := pg_advisory_xact_lock(uuid_hash_extended(p_writer, hv_lock));

  select w.number into v_last from hv.writers w where w.id = p_writer;
  if v_last is null then
    insert into hv.writers (id, number) values (p_writer, 0);
  elsif v_last >= p_number then
    -- It was sent before, over a connection that broke, and committed.
    select case when octet_length(w.outcome::text) <= p_most then w.outcome end into outcome
    from hv.writers w where w.id = p_writer;
    if p_kind = 'assign' then
      select s.states, s.sizes into states, sizes from hv.states_below(p_jobs, p_most) s;
    end if;
    logged := 1;
    return next;
    return;
  end if;

  case p_kind
    when 'register' then outcome := hv.do_register(p_jobs, p_states);
    when 'assign' then
      select a.outcome, a.states, a.sizes into outcome, states, sizes from hv.do_assign(p_jobs, p_most) a;
    when 'save' then outcome := hv.do_save(p_jobs, p_states);
    when 'release' then outcome := hv.do_release(p_jobs);
    when 'status' then outcome := hv.do_status(p_jobs);
    when 'sequence' then outcome := hv.do_sequence(p_jobs);
    when 'renew' then outcome := hv.do_renew(p_jobs);
    else outcome := hv.do_rarely(p_kind, p_jobs, p_states);
  end case;
  update hv.writers w set number = p_number, outcome = write.outcome, seen = now() where w.id = p_writer;
  if not found then  -- hv.prune has removed it meanwhile, because the last write was long ago
    insert into hv.writers (id, number, outcome) values (p_writer, p_number, write.outcome);
  end if;
  xid := pg_current_xact_id()::text::bigint;
  -- How many entries the feed has got. Where to count them would take longer than to write them, the machine counts them
  -- by the outcome, and one of schema 6 or earlier takes this number.
  if p_locks = '{}' or p_kind = 'sequence' then
    logged := 0;
  elsif p_kind in ('register', 'assign', 'save') then
    logged := jsonb_array_length(p_jobs);
  else
    select count(*) into logged from hv.changes c where c.xid = pg_current_xact_id();
  end if;
  -- Not the size of its column, which is smaller where a kept outcome is compressed.
  if octet_length(outcome::text) > p_most then
    outcome := null;
  end if;
  return next;
end $$;

-- As machines of schema 5 call it, which take an answer of any size.
create function hv.write(
  p_writer uuid, p_number bigint, p_locks integer[], p_kind text, p_jobs jsonb, p_states bytea[]
) returns table (xid bigint, outcome jsonb, states bytea[], logged bigint) language sql as $$
  select w.xid, w.outcome, w.states, w.logged
  from hv.write(p_writer, p_number, p_locks, p_kind, p_jobs, p_states, 1073741823) w
$$;

-- A plan of these that was made while the tables were nearly empty, and is kept, joins them from end to end.
create function hv.do_rarely(p_kind text, p_jobs jsonb, p_states bytea[]) returns jsonb language plpgsql
set plan_cache_mode = force_custom_plan as $$
begin
  return case p_kind
    when 'override' then hv.do_override(p_jobs, p_states)
    when 'properties' then hv.do_properties(p_jobs)
    when 'chown' then hv.do_chown(p_jobs)
    when 'delete' then hv.do_delete(p_jobs)
    when 'announce' then hv.do_announce(p_jobs)
    when 'withdraw' then hv.do_withdraw(p_jobs)
    when 'expire' then hv.do_expire(p_jobs)
    when 'grant' then hv.do_grant(p_jobs)
    when 'revoke' then hv.do_revoke(p_jobs)
    when 'token' then hv.do_token(p_jobs)
    when 'untoken' then hv.do_untoken(p_jobs)
    when 'keys' then hv.do_keys(p_jobs)
    when 'invite' then hv.do_invite(p_jobs)
  end;
end $$;

-- Adds entries to the feed, in the order of the arrays.
create function hv.log(p_kinds text[], p_points text[], p_epochs bigint[]) returns void language plpgsql as $$
declare
  v_behind bigint;
begin
  if coalesce(cardinality(p_points), 0) = 0 then
    return;
  end if;
  select coalesce(max(c.n), 0) into v_behind from hv.changes c where c.xid = pg_current_xact_id();
  insert into hv.changes (n, kind, point, epoch)
  select v_behind + e.o, e.kind, e.point, coalesce(e.epoch, 0)
  from unnest(p_kinds, p_points, p_epochs) with ordinality as e(kind, point, epoch, o);
end $$;

-- The same with one kind.
create function hv.log_each(p_kind text, p_points text[], p_epochs bigint[]) returns void language sql as $$
  select hv.log(array_fill(p_kind, array[coalesce(cardinality(p_points), 0)]), p_points, p_epochs)
$$;

create function hv.log_one(p_kind text, p_point text) returns void language sql as $$
  select hv.log(array[p_kind], array[p_point], array[0::bigint])
$$;

-- Locks rows against a `save` under way, in the order in which every function locks them.
-- `+ 0`: sorted, and not read from end to end in the order of its index.
create function hv.hold(p_points text[]) returns void language plpgsql
set plan_cache_mode = force_generic_plan as $$
begin
  perform 1 from hv.particles p where p.point = any(p_points) order by p.id + 0 for no key update;
end $$;
