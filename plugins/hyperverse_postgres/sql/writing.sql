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
  -- A group that is sent again waits here for its first attempt. An assignment needs no query, `perform` does.
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
  if not found then -- hv.prune has removed it meanwhile, because the last write was long ago
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

-- The states at the points of some jobs; when they have more than p_most bytes together, the size of each instead.
create function hv.states_below(p_jobs jsonb, p_most bigint, out states bytea[], out sizes bigint[])
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_size bigint;
begin
  select array_agg(case when f.size <= p_most then f.state end order by j.o), array_agg(f.size order by j.o),
         sum(f.size)
  into states, sizes, v_size
  from jsonb_array_elements(p_jobs) with ordinality j(v, o)
  left join lateral (
    select s.state, octet_length(s.state)::bigint as size
    from (
      select (select s.state from hv.states s where s.id = p.id) as state
      from hv.particles p where p.point = j.v->>0 offset 0
    ) s
  ) f on true;
  if v_size > p_most then
    states := null;
  else
    sizes := null;
  end if;
end $$;

-- A job: a list of rows [point, route, depth, kind, owner, status, properties, parent, number of its state]; the first
-- is the particle, the others are below it. The outcome: true, false when the parent is missing, or the point that is there already.
create function hv.do_register(p_jobs jsonb, p_states bytea[]) returns jsonb language plpgsql as $$
#variable_conflict use_column
declare
  v_row jsonb := p_jobs->0->0;
  v_id bigint;
  v_outcome jsonb;
begin
  if jsonb_array_length(p_jobs) = 1 and jsonb_array_length(p_jobs->0) = 1 then
    -- One alone: two small statements take half as long as the large one below.
    insert into hv.particles (point, route, depth, kind, owner, status, properties)
    select v_row->>0, v_row->>1, (v_row->>2)::integer, v_row->>3, v_row->>4, v_row->>5, v_row->>6
    where not exists (select 1 from hv.particles p where p.point = v_row->>0)
      and (v_row->>7 is null or exists (select 1 from hv.particles p where p.point = v_row->>7))
    returning id into v_id;
    if v_id is null then
      return jsonb_build_array(
        case when exists (select 1 from hv.particles p where p.point = v_row->>0) then v_row->0 else 'false' end
      );
    end if;
    if v_row->>8 is not null then
      insert into hv.states (id, state) values (v_id, p_states[(v_row->>8)::integer]);
    end if;
    insert into hv.changes (n, kind, point) values (1, 'registered', v_row->>0);
    return '[true]';
  end if;

  -- `offset 0`: each point is looked up by itself. Otherwise the whole table may be read to be joined.
  with rows as materialized (
    select j.o as job, r.o as place, r.v->>0 as point, r.v->>1 as route, (r.v->>2)::integer as depth,
           r.v->>3 as kind, r.v->>4 as owner, r.v->>5 as status, r.v->>6 as properties, (r.v->>8)::integer as state,
           exists (select 1 from hv.particles p where p.point = r.v->>0 offset 0) as there,
           r.o = 1 and r.v->>7 is not null and not exists (
             select 1 from hv.particles p where p.point = r.v->>7 offset 0
           ) as lost
    from jsonb_array_elements(p_jobs) with ordinality j(v, o), jsonb_array_elements(j.v) with ordinality r(v, o)
  ),
  judged as materialized (
    select rows.job, bool_or(rows.there) as taken, bool_or(rows.lost) as lost from rows group by rows.job
  ),
  good as materialized (
    select rows.* from judged join rows on rows.job = judged.job where not judged.taken and not judged.lost
  ),
  made as (
    insert into hv.particles (point, route, depth, kind, owner, status, properties)
    select point, route, depth, kind, owner, status, properties from good order by job, place
    returning id, point
  ),
  kept as (
    insert into hv.states (id, state)
    select made.id, p_states[good.state] from good join made on made.point = good.point where good.state is not null
  ),
  logged as (
    insert into hv.changes (n, kind, point)
    select row_number() over (order by job, place), 'registered', point from good
  )
  select jsonb_agg(
    case
      when judged.taken then
        to_jsonb((select rows.point from rows where rows.job = judged.job and rows.there order by rows.place limit 1))
      else to_jsonb(not judged.lost)
    end order by judged.job
  ) into v_outcome from judged;
  return v_outcome;
end $$;

-- One job: [row as above, depth of its children, first text below it, first text behind]; a root has no first text. The
-- outcome: true, false
-- when the parent is missing, or the Kind that it has to stay.
create function hv.do_override(p_jobs jsonb, p_states bytea[]) returns jsonb language plpgsql as $$
declare
  v_job jsonb := p_jobs->0;
  v_row jsonb := v_job->0;
  v_id bigint;
  v_kind text;
  v_held boolean;
begin
  perform hv.hold(array[v_row->>0]);
  select p.id, p.kind, hv.holds(p) into v_id, v_kind, v_held from hv.particles p where p.point = v_row->>0;
  if v_id is null then
    return hv.do_register(jsonb_build_array(jsonb_build_array(v_row)), p_states);
  end if;
  if v_kind <> v_row->>3 and (v_job->>2 is null or exists (
    select 1 from hv.particles p
    where p.route = v_row->>1 and p.depth = (v_job->>1)::integer and p.point > v_job->>2 and p.point < v_job->>3
  )) then
    return jsonb_build_array(v_kind);
  end if;
  update hv.particles p set kind = v_row->>3, owner = v_row->>4, status = v_row->>5, properties = v_row->>6,
    star = null, incarnation = null where p.point = v_row->>0;
  delete from hv.states s where s.id = v_id;
  if v_row->>8 is not null then
    insert into hv.states (id, state) values (v_id, p_states[(v_row->>8)::integer]);
  end if;
  if v_held then
    perform hv.log(array['released'], array[v_row->>0], array[(select epoch from hv.particles where point = v_row->>0)]);
  end if;
  -- Its new owner and Kind may change what it may do, and what may be done to it.
  perform hv.log(array['registered', 'owner'], array[v_row->>0, v_row->>0], array[0, 0]::bigint[]);
  return '[true]';
end $$;

-- Whether the assignment in a row holds: its star is announced in that incarnation.
create function hv.holds(p hv.particles) returns boolean language sql stable as $$
  select p.star is not null and exists (
    select 1 from hv.stars s where s.key = p.star and s.incarnation = p.incarnation and s.announced offset 0
  )
$$;

-- A job: [point, star, incarnation, expected star, its incarnation, its epoch]. The outcome: the new epoch as a number,
-- "missing", "gone", or the [star, epoch] that holds; [null] for none. With the states, or with the size of each when they
-- have more than p_most bytes together.
create function hv.do_assign(
  p_jobs jsonb, p_most bigint, out outcome jsonb, out states bytea[], out sizes bigint[]
) language plpgsql as $$
#variable_conflict use_column
declare
  v_size bigint;
begin
  -- Holds off a `save`; the next statement sees what one that was under way has saved. `+ 0`: see hv.hold.
  perform 1 from hv.particles p
  where p.point = any(array(select j.v->>0 from jsonb_array_elements(p_jobs) j(v))) order by p.id + 0
  for no key update;
  with judged as materialized (
    select j.o, j.v, p.at, p.size, p.state, case
      when p.at is null then '"missing"'::jsonb
      when not (
        case when p.star is null then j.v->>3 is null
             when (p.star, p.incarnation, p.epoch) is not distinct from
                  (j.v->>3, (j.v->>4)::bigint, (j.v->>5)::bigint) then true
             else j.v->>3 is null and not p.held end
      ) then case when p.star is null or not p.held then '[null]'::jsonb
                  else jsonb_build_array(p.star, p.epoch) end
      when not exists (
        select 1 from hv.stars s where s.key = j.v->>1 and s.incarnation = (j.v->>2)::bigint and s.announced offset 0
      ) then '"gone"'::jsonb
      else to_jsonb(nextval('hv.epochs'))
    end as said
    from jsonb_array_elements(p_jobs) with ordinality j(v, o) left join lateral (
      select p.ctid as at, p.star, p.incarnation, p.epoch, s.state, octet_length(s.state)::bigint as size,
             p.star is not null and exists (
               select 1 from hv.stars s where s.key = p.star and s.incarnation = p.incarnation and s.announced offset 0
             ) as held
      from hv.particles p left join hv.states s on s.id = p.id where p.point = j.v->>0 offset 0
    ) p on true
  ),
  good as materialized (
    select o, at, v->>0 as point, v->>1 as star, (v->>2)::bigint as incarnation, said::bigint as epoch
    from judged where jsonb_typeof(said) = 'number'
  ),
  moved as (
    update hv.particles p set star = g.star, incarnation = g.incarnation, epoch = g.epoch, status = 'Ready'
    from good g where p.ctid = g.at
  ),
  logged as (
    insert into hv.changes (n, kind, point, epoch)
    select row_number() over (order by o), 'assigned', point, epoch from good
  )
  select jsonb_agg(j.said order by j.o), array_agg(case when j.size <= p_most then j.state end order by j.o),
         array_agg(j.size order by j.o), sum(j.size)
  into outcome, states, sizes, v_size from judged j;
  if v_size > p_most then
    states := null;
  else
    sizes := null;
  end if;
end $$;

-- A job: [point, star, incarnation, epoch, whether it is announced]. The outcome: whether it was saved.
create function hv.do_save(p_jobs jsonb, p_states bytea[]) returns jsonb language plpgsql as $$
#variable_conflict use_column
declare
  v_outcome jsonb;
begin
  -- Holds off an assignment elsewhere, and not another `save`; the next statement sees what one that was under way has
  -- done. `+ 0`: see hv.hold.
  perform 1 from hv.particles p
  where p.point = any(array(select j.v->>0 from jsonb_array_elements(p_jobs) j(v))) order by p.id + 0
  for share;
  with judged as materialized (
    select j.o, j.v, (
      select p.id from hv.particles p
      where p.point = j.v->>0 and p.star = j.v->>1 and p.incarnation = (j.v->>2)::bigint
        and p.epoch = (j.v->>3)::bigint
        and exists (
          select 1 from hv.stars s where s.key = p.star and s.incarnation = p.incarnation and s.announced offset 0
        )
      offset 0
    ) as id
    from jsonb_array_elements(p_jobs) with ordinality j(v, o)
  ),
  saved as (
    insert into hv.states (id, state) select id, p_states[o] from judged where id is not null
    on conflict (id) do update set state = excluded.state
  ),
  logged as (
    insert into hv.changes (n, kind, point)
    select row_number() over (order by o), 'state', v->>0 from judged where id is not null and (v->>4)::boolean
  )
  select jsonb_agg(judged.id is not null order by judged.o) into v_outcome from judged;
  return v_outcome;
end $$;

-- A job: a list of [point, star, incarnation, epoch].
create function hv.do_release(p_jobs jsonb) returns jsonb language plpgsql
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
  perform hv.hold((
    select array_agg(r.v->>0) from jsonb_array_elements(p_jobs) j(v), jsonb_array_elements(j.v) r(v)
  ));
  with ended as materialized (
    select r.v->>0 as point, min(j.o) as job, min(r.o) as place, r.v->>1 as star, (r.v->>2)::bigint as incarnation,
           (r.v->>3)::bigint as epoch
    from jsonb_array_elements(p_jobs) with ordinality j(v, o), jsonb_array_elements(j.v) with ordinality r(v, o)
    group by r.v
  ),
  good as materialized (
    select e.*, p.at from ended e cross join lateral (
      select p.ctid as at from hv.particles p
      where p.point = e.point and p.star = e.star and p.incarnation = e.incarnation and p.epoch = e.epoch
        and exists (
          select 1 from hv.stars s where s.key = p.star and s.incarnation = p.incarnation and s.announced offset 0
        )
      offset 0
    ) p
  ),
  freed as (
    update hv.particles p set star = null, incarnation = null from good g where p.ctid = g.at
  )
  insert into hv.changes (n, kind, point, epoch)
  select row_number() over (order by job, place), 'released', point, epoch from good;
  return (select jsonb_agg(true) from jsonb_array_elements(p_jobs));
end $$;

-- A job: [point, status]. The outcome: whether the particle is there.
create function hv.do_status(p_jobs jsonb) returns jsonb language plpgsql
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_outcome jsonb;
begin
  perform hv.hold((select array_agg(j.v->>0) from jsonb_array_elements(p_jobs) j(v)));
  with wanted as materialized (
    select j.o, j.v->>0 as point, j.v->>1 as status, p.at, p.before
    from jsonb_array_elements(p_jobs) with ordinality j(v, o) left join lateral (
      select p.ctid as at, p.status as before from hv.particles p where p.point = j.v->>0 offset 0
    ) p on true
  ),
  good as materialized (select * from wanted where at is not null and status <> before),
  written as (update hv.particles p set status = g.status from good g where p.ctid = g.at),
  logged as (
    insert into hv.changes (n, kind, point) select row_number() over (order by o), 'status', point from good
  )
  select jsonb_agg(wanted.at is not null order by wanted.o) into v_outcome from wanted;
  return v_outcome;
end $$;

-- A job: [point]; a point that occurs twice takes two numbers. The outcome: the number, null for a missing particle.
create function hv.do_sequence(p_jobs jsonb) returns jsonb language plpgsql
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_outcome jsonb;
begin
  perform hv.hold((select array_agg(distinct j.v->>0) from jsonb_array_elements(p_jobs) j(v)));
  with wanted as materialized (
    select j.o, p.at, p.sequence + row_number() over (partition by p.id order by j.o) as number
    from jsonb_array_elements(p_jobs) with ordinality j(v, o) left join lateral (
      select p.ctid as at, p.id, p.sequence from hv.particles p where p.point = j.v->>0 offset 0
    ) p on true
  ),
  written as (
    update hv.particles p set sequence = m.number
    from (select at, max(number) as number from wanted where at is not null group by at) m where p.ctid = m.at
  )
  select jsonb_agg(case when wanted.at is not null then wanted.number end order by wanted.o) into v_outcome from wanted;
  return v_outcome;
end $$;

-- One job: a list of [point, properties that were read, new ones]. The outcome: whether all were still as they were
-- read; if not, none was written.
create function hv.do_properties(p_jobs jsonb) returns jsonb language plpgsql as $$
#variable_conflict use_column
begin
  perform hv.hold((select array_agg(r.v->>0) from jsonb_array_elements(p_jobs->0) r(v)));
  if exists (
    select 1 from jsonb_array_elements(p_jobs->0) r(v) left join hv.particles p on p.point = r.v->>0
    where p.id is null or p.properties is distinct from r.v->>1
  ) then
    return '[false]';
  end if;
  with good as materialized (
    select r.o, r.v->>0 as point, r.v->>2 as after
    from jsonb_array_elements(p_jobs->0) with ordinality r(v, o) where r.v->>1 is distinct from r.v->>2
  ),
  written as (update hv.particles p set properties = g.after from good g where p.point = g.point)
  insert into hv.changes (n, kind, point) select row_number() over (order by o), 'properties', point from good;
  return '[true]';
end $$;

-- One job: [owner, points]. The outcome: the points that are missing; if there are any, nothing was written.
create function hv.do_chown(p_jobs jsonb) returns jsonb language plpgsql as $$
#variable_conflict use_column
declare
  v_missing jsonb;
begin
  perform hv.hold((select array_agg(r.v) from jsonb_array_elements_text(p_jobs->0->1) r(v)));
  select jsonb_agg(r.v order by r.o) into v_missing
  from jsonb_array_elements_text(p_jobs->0->1) with ordinality r(v, o)
  where not exists (select 1 from hv.particles p where p.point = r.v);
  if v_missing is not null then
    return jsonb_build_array(v_missing);
  end if;
  with good as materialized (
    select r.o, r.v as point, p.at from jsonb_array_elements_text(p_jobs->0->1) with ordinality r(v, o)
    cross join lateral (
      select p.ctid as at, p.owner from hv.particles p where p.point = r.v offset 0
    ) p where p.owner <> p_jobs->0->>0
  ),
  written as (update hv.particles p set owner = p_jobs->0->>0 from good g where p.ctid = g.at)
  insert into hv.changes (n, kind, point) select row_number() over (order by o), 'owner', point from good;
  return '[[]]';
end $$;

-- One job: [limit, list of [point, route, first text below it, first text behind]]; without a first text it is the root of
-- another route. The outcome: the records that were deleted, children before their parents.
create function hv.do_delete(p_jobs jsonb) returns jsonb language plpgsql as $$
#variable_conflict use_column
declare
  v_gone text[];
  v_points text[];
  v_epochs bigint[];
  v_records jsonb;
  v_touched text[];
begin
  -- A point is a prefix of what is below it: from the last text to the first, children come before their parents.
  select array_agg(f.point) into v_gone from (
    select distinct p.point
    from jsonb_array_elements(p_jobs->0->1) r(v)
    cross join lateral (
      select q.point from hv.particles q where q.point = r.v->>0
      union all
      select q.point from hv.particles q
      where q.route || '' = r.v->>1 and r.v->>2 is not null and q.point > r.v->>2 and q.point < r.v->>3
      union all
      select q.point from hv.particles q where q.route = r.v->>1 and r.v->>2 is null and q.depth > 0
    ) p
    order by p.point desc limit (p_jobs->0->>0)::bigint
  ) f;
  if v_gone is null then
    return '[[]]';
  end if;
  perform 1 from hv.particles p where p.point = any(v_gone) order by p.id + 0 for update;
  select array_agg(p.point order by length(p.point) desc, p.point),
         array_agg(p.epoch order by length(p.point) desc, p.point),
         jsonb_agg(jsonb_build_array(p.point, p.kind, p.owner, p.status, p.properties,
                                     case when hv.holds(p) then p.star end, p.incarnation, p.epoch)
                   order by length(p.point) desc, p.point)
    into v_points, v_epochs, v_records
    from hv.particles p where p.point = any(v_gone);
  delete from hv.states s using hv.particles p where p.point = any(v_gone) and s.id = p.id;
  delete from hv.particles p where p.point = any(v_gone);

  if exists (select 1 from hv.grants) then
    with gone as (
      delete from hv.grants g
      where g.by_point = any(v_points) or g.on_point = any(v_points) or g.to_point = any(v_points)
      returning g.id, g.query_root
    )
    select array_agg(gone.query_root order by gone.id) into v_touched from gone;
    perform hv.log_each('revoked', v_touched, null);
  end if;
  with gone as (delete from hv.tokens t where t.agent = any(v_points) returning t.agent)
  select array_agg(distinct gone.agent) into v_touched from gone;
  perform hv.log_each('token', v_touched, null);
  perform hv.log_each('deleted', v_points, v_epochs);
  return jsonb_build_array(v_records);
end $$;
