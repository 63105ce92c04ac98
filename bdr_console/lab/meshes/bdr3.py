"""BDR 3.7 as a stand-in over pglogical, set up through BDR's own functions by the published steps."""

from bdr_console.lab import postgres, tables
from bdr_console.lab.layout import GROUP, Layout, NodeLayout
from bdr_console.lab.meshes.pglogical import Pglogical, standin


class Bdr3(Pglogical):
    """Schema `bdr` with BDR 3.7's names; what replicates beneath is pglogical."""

    name = "BDR 3.7 (stand-in over pglogical 2)"

    def install(self, layout: Layout, node: NodeLayout) -> None:
        with postgres.session(layout, node) as connection:
            self.prepare(connection)
            for text in standin("bdr3"):
                connection.execute(text)
            connection.execute("GRANT bdr_read_all_stats, bdr_application TO bdr_console")
            connection.execute(
                "SELECT bdr.create_node(node_name := %s, local_dsn := %s)",
                (node.name, layout.dsn(node.port)),
            )

    def form(self, layout: Layout) -> None:
        """Make the node group on the first node, then join the others one by one."""
        first = layout.nodes[0]
        with postgres.session(layout, first) as connection:
            connection.execute("SELECT bdr.create_node_group(node_group_name := %s)", (GROUP,))
            connection.execute("SELECT bdr.wait_for_join_completion()")
        for node in layout.nodes[1:]:
            with postgres.session(layout, node, timeout=60) as connection:
                connection.execute(
                    "SELECT bdr.join_node_group(join_target_dsn := %s, node_group_name := %s,"
                    " wait_for_completion := false)",
                    (layout.dsn(first.port), GROUP),
                )
                connection.execute("SELECT bdr.wait_for_join_completion()")
        with postgres.session(layout, first) as connection:
            connection.execute(
                "SELECT bdr.replicate_ddl_command(%s)", (tables.DEFINITIONS + tables.TO_PGLOGICAL,)
            )
            connection.execute(tables.ROWS)
