"""A run as a repository of the Hugging Face Hub: `ni.hub.push(run, "me/my-run", licence="mit")`."""

from nextitem.runs.asking.hub import from_pretrained, push, save_pretrained

__all__ = ["from_pretrained", "push", "save_pretrained"]
