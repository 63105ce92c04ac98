-- rubyrep 2 as its documentation describes it, as far as the console reads it. Made by hand: it was never run here.
CREATE TABLE public.rr_pending_changes (
    id bigserial, change_table text, change_key text, change_new_key text, change_type text, change_time timestamp);
CREATE TABLE public.rr_logged_events (
    id bigserial, activity text, change_table text, diff_type text, change_key text, left_change_type text,
    right_change_type text, description text, long_description text, event_time timestamp, diff_dump text);
INSERT INTO public.rr_pending_changes (change_table, change_key, change_type, change_time)
    VALUES ('shop', 'id|1', 'U', now()),
           ('shop', 'id|2', 'U', now()),
           ('till', 'id|1', 'I', now());
INSERT INTO public.rr_logged_events (change_table, diff_type, left_change_type, right_change_type, description, event_time)
    VALUES ('shop', 'conflict', 'update', 'delete', 'left_wins', '2026-03-01 12:00:00'),
           ('shop', 'left', 'update', NULL, 'replicated', '2026-03-01 12:00:01');
