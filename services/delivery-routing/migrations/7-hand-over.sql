-- When a route under way goes on after it has changed hands; null: it never did.
alter table routes add column resumes_at timestamptz;
