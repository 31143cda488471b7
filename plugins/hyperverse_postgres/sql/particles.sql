-- What hv.write does to particles: registers, changes and deletes them.

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
