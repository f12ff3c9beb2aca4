"""What runs when, with which lock and retry.

`clock` finds in the database what is due and enqueues it, `worker` runs it, `work` is what a job
does, `queue` is the queue itself, `daemon` puts them together. APScheduler and procrastinate are
imported here and nowhere else.
"""
