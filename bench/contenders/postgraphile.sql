-- What PostGraphile needs to answer as the service answers an officer: a role for the requests, the tables that an
-- officer may read, row level security as the officer's row rules say it, and the two things that PostGraphile does not
-- derive by itself: who is asking, and a full name. What organizers write goes through the same role.

do $$ begin
  create role unionhall_bench_officer nologin;
exception when duplicate_object or unique_violation then null;
end $$;

grant unionhall_bench_officer to current_user;
grant usage on schema public to unionhall_bench_officer;
grant select on grievances, grievance_step_records, members, organizations, users, roles, user_roles to unionhall_bench_officer;

grant select, insert on salting_activities to unionhall_bench_officer;
grant insert on grievances to unionhall_bench_officer;

alter table grievances enable row level security;
alter table grievance_step_records enable row level security;
alter table members enable row level security;
alter table organizations enable row level security;
alter table users enable row level security;
alter table roles enable row level security;
alter table user_roles enable row level security;
alter table salting_activities enable row level security;

-- A case keeps showing the member and the employer it was about, deleted or not, so only cases and users ask for it.
create policy officer on grievances for select to unionhall_bench_officer using (deleted_at is null);
create policy officer on grievance_step_records for select to unionhall_bench_officer using (true);
create policy officer on members for select to unionhall_bench_officer using (true);
create policy officer on organizations for select to unionhall_bench_officer using (true);
create policy officer on users for select to unionhall_bench_officer using (deleted_at is null);
create policy officer on roles for select to unionhall_bench_officer using (true);
create policy officer on user_roles for select to unionhall_bench_officer using (true);
create policy officer on salting_activities for select to unionhall_bench_officer using (deleted_at is null);

-- The service refuses an activity of a member or at an organization that was deleted, too.
create policy organizer on salting_activities for insert to unionhall_bench_officer with check (
  exists (select from members where id = member_id and deleted_at is null)
  and exists (select from organizations where id = organization_id and deleted_at is null)
);

-- The same of a grievance.
create policy filer on grievances for insert to unionhall_bench_officer with check (
  exists (select from members where id = member_id and deleted_at is null)
  and exists (select from organizations where id = employer_id and deleted_at is null)
);

-- The service makes these itself, before it writes.
alter table salting_activities
  alter id set default gen_random_uuid(),
  alter created_at set default now(),
  alter updated_at set default now();

-- Under the same counter as the service's, without gaps; all that are filed here are filed in one year.
create function next_grievance_number() returns text language sql volatile security definer set search_path = public as
  $$ insert into grievance_counters as counter (year, last) values (2026, 1)
    on conflict (year) do update set last = counter.last + 1 returning 'GR-2026-' || lpad(last::text, greatest(4, length(last::text)), '0') $$;
comment on function next_grievance_number() is '@behavior -*';
alter table grievances
  alter id set default gen_random_uuid(),
  alter created_at set default now(),
  alter updated_at set default now(),
  alter current_step set default 'step_1',
  alter status set default 'open',
  alter grievance_number set default next_grievance_number();

create function me() returns users language sql stable as
  $$ select * from users where id = nullif(current_setting('claims.user_id', true), '')::uuid $$;
create function users_full_name(row_of users) returns text language sql stable as $$ select row_of.first_name || ' ' || row_of.last_name $$;
create function members_full_name(row_of members) returns text language sql stable as
  $$ select concat_ws(' ', row_of.first_name, row_of.middle_name, row_of.last_name) $$;
grant execute on function me(), users_full_name(users), members_full_name(members) to unionhall_bench_officer;

comment on column users.password_hash is '@behavior -*';
-- It orders by columns with an index of their own, and takes no notice of partial ones.
comment on column grievances.filed_date is '@behavior +orderBy';

analyze;
