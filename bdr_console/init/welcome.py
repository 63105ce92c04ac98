"""What somebody reads who starts the console for the first time."""

WELCOME = """\
Welcome to bdr-console. There is no configuration yet, so there is nothing to show.

  bdr-console init      write one: it asks for one node of your cluster, finds the
                        others, and checks everything it wrote; it changes nothing
                        on any server
  bdr-console lab up    or try everything first, on a cluster of real PostgreSQL,
                        HAProxy and PgBouncer that it starts on this machine
  bdr-console --help    everything else

A configuration that stands elsewhere is named with --config FILE."""
