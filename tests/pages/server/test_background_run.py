"""A process of its own: what it is given, what it leaves behind, and that nothing stays."""

import stat
import sys
import time

from pages.parts.server.background_run import FAILED, FINISHED, IDLE, RUNNING, STOPPED, BackgroundRun, python_command

COPY = "import pathlib, sys; pathlib.Path(sys.argv[1], 'given').write_bytes(sys.stdin.buffer.read())"


def wait_for(condition, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def command(code: str):
    return lambda folder: [sys.executable, "-c", code, str(folder)]


def test_what_is_given_comes_in_by_a_pipe_and_goes_when_it_is_forgotten():
    run = BackgroundRun("pointillist-test-")
    assert run.state == IDLE and run.file("given") is None
    assert run.begin("me", command(COPY), (bytes([n]) * 100_000 for n in range(3)))
    wait_for(lambda: run.state != RUNNING)
    assert run.state == FINISHED and run.file("given") == b"".join(bytes([n]) * 100_000 for n in range(3))
    folder = run.folder.path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert run.document("given") is None, "no JSON"
    run.forget()
    assert run.state == IDLE and run.owner is None and not folder.exists()


def test_a_folder_that_somebody_holds_outlasts_the_next_run_and_goes_with_its_holder():
    run = BackgroundRun("pointillist-test-")
    count = "import pathlib, sys; p = pathlib.Path(sys.argv[1], 'runs'); p.write_text((p.read_text() if p.exists() else '') + 'x')"
    run.begin("me", command(count))
    wait_for(lambda: run.state == FINISHED)
    held, path = run.folder, run.folder.path
    run.begin("you", command("pass"))
    wait_for(lambda: run.state == FINISHED)
    yours = run.folder.path
    assert path.exists() and yours != path and held.is_there and held.size >= 1
    assert run.begin("me", command(count), folder=held), "it goes on there"
    wait_for(lambda: run.state == FINISHED)
    assert run.file("runs") == b"xx" and not yours.exists()
    run.forget()
    assert path.exists()
    del held
    assert not path.exists()


def test_a_process_that_reads_nothing_is_no_failure_of_ours():
    run = BackgroundRun("pointillist-test-")
    run.begin("me", command("raise SystemExit('enough')"), (bytes(1 << 20) for _ in range(20)))
    wait_for(lambda: run.state != RUNNING)
    assert run.state == FAILED and run.complaint() == "enough"
    run.clean_up()


def test_a_run_is_not_forgotten_while_it_runs():
    run = BackgroundRun("pointillist-test-")
    run.begin("me", command("import time; time.sleep(60)"))
    run.forget()
    assert run.state == RUNNING and run.owner == "me"
    assert not run.begin("you", command("pass"))
    run.stop()
    assert run.state == STOPPED
    run.clean_up()


def test_python_command_tells_its_parent():
    assert python_command("export.own_network", "--kind", "hand")[1:5] == ["-m", "export.own_network", "--kind", "hand"]
    assert python_command("export.own_network")[-2] == "--parent"
