"""The git repository that a release is made in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
import subprocess


@dataclass(frozen=True)
class Repository:
    """A git repository, by its folder."""

    root: Path

    @property
    def branch(self) -> str:
        """Return the branch that is checked out; empty where none is."""
        return self._git("branch", "--show-current")

    @property
    def changed(self) -> str:
        """Return what differs from the last commit, files that git does not know included."""
        return self._git("status", "--porcelain")

    @property
    def head(self) -> str:
        """Return the last commit."""
        return self._git("rev-parse", "HEAD")

    def has_tag(self, name: str) -> bool:
        """Return whether a tag exists."""
        return self._git("tag", "--list", name) == name

    def commit(self, message: str, paths: Sequence[str]) -> None:
        """Commit these files and folders as they are now."""
        self._git("add", "--all", "--", *paths)
        self._git("commit", "--quiet", "--message", message)

    def tag(self, name: str) -> None:
        """Tag the last commit; `git push --follow-tags` sends only tags with a message."""
        self._git("tag", "--annotate", "--message", name, name)

    def restore(self, head: str, paths: Sequence[str]) -> None:
        """Return to a commit, and have these files and folders as they are in it."""
        self._git("reset", "--quiet", head)
        self._git("restore", "--", *paths)
        self._git("clean", "--quiet", "--force", "-d", "--", *paths)

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout.strip()
