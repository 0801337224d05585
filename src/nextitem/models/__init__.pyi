from nextitem.models.names import *  # noqa: F403
