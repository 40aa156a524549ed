"""How mount(8) and /etc/fstab tell what is to be mounted. Pure text.

`mount -t dffs URL DIR -o …` runs `/sbin/mount.dffs URL DIR -o …`, which is our command under
another name: `arguments_of_helper` gives what `dffs mount` is to be called with.
"""

from __future__ import annotations

from collections.abc import Sequence

from dfcore.errors import BadInput

HELPER = "mount.dffs"

# Words of mount(8) that mean something to the kernel or to systemd and nothing to us.
_IGNORED = frozenset({
    "rw", "auto", "noauto", "user", "nouser", "users", "group", "owner", "nofail", "fail", "async",
    "defaults", "_netdev", "suid", "dev", "exec", "noatime", "relatime", "nodiratime", "allow_other",
    "default_permissions",
})  # fmt: skip
_FLAGS = {"ro": "--read-only", "nosuid": "--no-suid", "nodev": "--no-dev", "noexec": "--no-exec"}


def arguments_of_helper(arguments: Sequence[str]) -> list[str]:
    """From mount(8)'s call `URL DIR [-sfnv] [-o a,b=c]` to the arguments of `dffs mount`.

    Every other word becomes a long option: `cache-size=100G` is `--cache-size 100G`.
    """
    places: list[str] = []
    words: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "-o":
            if not rest:
                raise BadInput("-o needs the options")
            words += [word for word in rest.pop(0).split(",") if word]
        elif argument == "-t":
            rest[:1] = []
        elif not argument.startswith("-"):
            places.append(argument)
    if len(places) != 2:
        raise BadInput(f"{HELPER} needs a volume's URL and a mount point")
    return [*places, "-d", *_options(words)]


def _options(words: Sequence[str]) -> list[str]:
    options = []
    for word in words:
        name, given, value = word.partition("=")
        if name in _IGNORED or name.startswith("x-") or name == "comment":
            continue
        if name in _FLAGS and not given:
            options.append(_FLAGS[name])
            continue
        options.append("--" + name.replace("_", "-"))
        if given:
            options.append(value)
    return options
