"""Keys that go from cluster to cluster, where the configuration has several, and those of their list."""

from bdr_console.ui.action import Action, Place

EVERYWHERE = (
    Action(
        "clusters",
        "c",
        "app.clusters",
        "Clusters",
        "List the clusters of the configuration and how they stand",
        Place.EVERYWHERE,
        "c",
        footer=True,
        rank=4,
    ),
    Action(
        "next-cluster",
        "right_square_bracket",
        "app.cluster(1)",
        "Next cluster",
        "Show the next cluster; the others go on being read",
        Place.EVERYWHERE,
        "]",
    ),
    Action(
        "previous-cluster",
        "left_square_bracket",
        "app.cluster(-1)",
        "Previous cluster",
        "Show the cluster before",
        Place.EVERYWHERE,
        "[",
    ),
)
LIST = (
    Action("clusters-open", "", "", "Open", "Show the selected cluster", Place.CLUSTERS, "enter"),
    Action(
        "clusters-back", "escape", "screen.back", "Back", "Back", Place.CLUSTERS, "esc", footer=True, rank=1
    ),
)
