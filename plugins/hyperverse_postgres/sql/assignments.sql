-- What hv.write does to where particles live, and to their states.

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
