"""A client that is killed at any point leaves a store that the next run can use, and that holds nothing but whole files
which were published. PROSCRIBE_KILLS: how often (default 60)."""

import os
import random
import subprocess
import time

from support.tuf_repository import TOP_LEVEL, Signer

KILLS = int(os.environ.get("PROSCRIBE_KILLS", "60"))


def test_killed_at_random(client, repo):
    chance = random.Random(20261121)
    published = set()

    def change():
        """Something that makes the next run store every file anew."""
        if chance.random() < 0.3:
            repo.roles[chance.choice(TOP_LEVEL)].rotate(Signer())
        info = repo.add_target("a", chance.randbytes(20), role="team")
        repo.publish("root", "targets", "team", "snapshot", "timestamp")
        published.update(content for path, content in repo.files.items() if path.startswith("metadata/"))
        return repo.files[f"targets/{info['hashes']['sha256']}.a"]

    def whole_run_sec():
        begun = time.monotonic()
        assert client.download("a") == 0, client.said
        return time.monotonic() - begun

    repo.delegate("team")
    content = change()
    usual_sec = whole_run_sec()
    command = [*client.command, "--metadata-dir", client.metadata, "--metadata-url", client.server.metadata_url,
               "--target-name", "a", "--target-dir", client.targets, "--target-base-url", client.server.targets_url, "download"]
    killed = 0
    for number in range(KILLS):
        before, content = content, change()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            time.sleep(chance.uniform(0, usual_sec))
            running.kill()
            killed += running.wait() < 0
        assert all(file.read_bytes() in published for file in client.metadata.glob("*.json"))
        assert all(file.read_bytes() in (before, content) for file in client.targets.glob("a"))
        if number % 4 == 0 or number == KILLS - 1:
            usual_sec = min(usual_sec, whole_run_sec())
            assert client.trusted() == {name: role.version for name, role in repo.roles.items()}
            assert (client.targets / "a").read_bytes() == content
        else:
            content = (client.targets / "a").read_bytes()
    assert killed > KILLS / 10, f"the client was faster in all but {killed} of {KILLS} runs"
