"""What real programs are told to be: this machine's own, and single-file programs fetched by npm. None of
them is ever run."""

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

# Which Debian packages hold programs that are runtimes, and of which kind.
RUNTIME_PACKAGES = [
    (r"nodejs|libnode\d+", {"node"}),
    (r"(pypy3|python[\d.]+)(-minimal|-dbg|-full)?(:\w+)?", {"python"}),
    (r"perl|perl-base|perl-debug|libperl[\d.]+", {"perl"}),
    (r"ruby[\d.]+", {"ruby"}),
    (r"php[\d.]+-(cli|cgi|fpm|phpdbg)", {"php"}),
    (r"(openjdk-\d+|temurin-\d+)-.*", {"java"}),
    (r"lua[\d.]+|luajit", {"lua"}),
    (r"bash|dash|busybox(-static|-udeb)?|zsh|ksh|ksh93u\+m|mksh|posh|yash|bash-static|zsh-static", {"shell"}),
    (r"libc6|libc-bin|musl", {"loader"}),
]
KNOWN = [("/usr/bin/node", "node"), ("/usr/bin/python3", "python"), ("/usr/bin/perl", "perl"), ("/bin/bash", "shell"),
         ("/bin/dash", "shell"), ("/usr/bin/zsh", "shell"), ("/bin/busybox", "shell"), ("/usr/bin/java", "java"),
         ("/usr/bin/ruby", "ruby"), ("/usr/bin/php", "php"), ("/lib64/ld-linux-x86-64.so.2", "loader")]
ELF = b"\x7fELF"


@pytest.fixture
def identify(build, tmp_path):
    policy = tmp_path / "policy"
    policy.mkdir()
    (policy / "policy.yaml").write_text(
        "proscribe: 1\npolicy: {name: none, owner: Tests}\nsoftware:\n"
        "  - {id: nothing, name: Nothing, is: [{path: /nonexistent}]}\n"
        "rules:\n  - {id: T-1, software: nothing, risk: low, reason: {en: Not there.}, action: log}\n")

    def run(*files):
        done = subprocess.run([build / "proscribectl", "identify", "--json", "--policy", policy, *files],
                              capture_output=True, text=True, check=False, timeout=300)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)["files"]

    return run


def package_of(path):
    for name in (path, re.sub(r"^/usr/", "/", path)):
        done = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    return None


def runtimes_of_package(package):
    return set().union(*(kinds for pattern, kinds in RUNTIME_PACKAGES if re.fullmatch(pattern, package or "")))


@pytest.mark.timeout(300)
def test_only_the_true_runtimes_of_this_machine_are_called_so(identify):
    programs = [str(p) for folder in ("/usr/bin", "/usr/sbin") for p in sorted(Path(folder).iterdir())
                if p.is_file() and not p.is_symlink() and p.open("rb").read(4) == ELF]
    surprises, n = [], 0
    for i in range(0, len(programs), 100):
        for file in identify(*programs[i:i + 100]):
            n += 1
            runtime = file.get("runtime")
            if runtime and runtime not in runtimes_of_package(package_of(file["file"])):
                surprises.append(f"{file['file']} of {package_of(file['file'])}: {runtime}")
            if file["class"] != "elf":
                surprises.append(f"{file['file']}: {file['class']}")
    print(f"{n} programs")
    assert n > 50 and not surprises


@pytest.mark.parametrize(("path", "runtime"), KNOWN)
def test_a_known_runtime_is_recognised_under_another_name(identify, tmp_path, path, runtime):
    if not Path(path).exists() or Path(path).open("rb").read(4) != ELF:
        pytest.skip(f"{path} is not here, or is a script")
    copy = tmp_path / "editor"
    shutil.copyfile(path, copy)
    with copy.open("ab") as file:
        file.write(b"appended" * 100)
    (file,) = identify(copy)
    assert (file["class"], file.get("runtime")) == ("elf", runtime)
    assert file["linkage"] == {"loader": "library"}.get(runtime, file["linkage"])


def compile_program(folder, *functions, text="", options=()):
    source, program = folder / "a.c", folder / "program"
    source.write_text("".join(f"int {name}(void) {{ return 1; }}\n" for name in functions) +
                      f'const char *volatile words = "{text}";\nint main(void) {{ return !words; }}\n')
    subprocess.run(["gcc", "-o", program, source, "-rdynamic", *options], check=True)
    return program


@pytest.mark.parametrize(("functions", "text", "runtime"), [
    (["napi_create_function", "node_module_register"], "", "node"),
    (["napi_create_function"], "", "deno"),
    (["Py_BytesMain"], "", "python"),
    (["Py_Main"], "", "python"),
    (["perl_parse", "perl_run"], "", "perl"),
    (["perl_parse"], "", None),
    (["ruby_run_node"], "", "ruby"),
    (["php_execute_script"], "", "php"),
    (["luaL_openlibs"], "LUA_INIT", "lua"),
    (["luaL_openlibs"], "", None),
    ([], "OPTIND getopts PS4 unalias", "shell"),
    ([], "OPTIND getopts PS4", None),
    (["Py_BytesMain2", "Py_Initialize"], "Py_BytesMain", None),
])
@pytest.mark.parametrize("style", ["gnu", "both"])
def test_what_makes_a_program_a_runtime(identify, tmp_path, functions, text, runtime, style):
    program = compile_program(tmp_path, *functions, text=text, options=[f"-Wl,--hash-style={style}"])
    (file,) = identify(program)
    assert (file["class"], file["linkage"], file.get("runtime")) == ("elf", "dynamic", runtime)


def test_node_with_chromium_is_electron(identify, tmp_path):
    library = tmp_path / "libffmpeg.so"
    subprocess.run(["gcc", "-shared", "-Wl,-soname,libffmpeg.so", "-o", library, "-x", "c", "/dev/null"], check=True)
    program = compile_program(tmp_path, "napi_create_function", "node_module_register",
                              options=["-Wl,--no-as-needed", library])
    (file,) = identify(program)
    assert (file["class"], file["runtime"]) == ("electron", "electron")


@pytest.mark.parametrize(("options", "linkage"), [
    (["-static"], "static"), (["-static-pie"], "static"), (["-pie"], "dynamic"), (["-no-pie"], "dynamic"),
    (["-shared", "-fPIC"], "library")])
def test_linkage(identify, tmp_path, options, linkage):
    (file,) = identify(compile_program(tmp_path, options=options))
    assert (file["class"], file["linkage"], file.get("runtime")) == ("elf", linkage, None)


def test_archives_that_programs_are_made_of(identify, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "__main__.py").write_text("print(1)\n")
    subprocess.run(["python3", "-m", "zipapp", "-p", "/usr/bin/env python3", "-o", "app", "source"], cwd=tmp_path,
                   check=True)
    (file,) = identify(tmp_path / "app")
    assert (file["class"], file["interpreter"]) == ("pyz", "/usr/bin/env")
    assert file["payload_offset"] + file["payload_size"] == file["size"]


def fetch(package, member, folder):
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    try:
        done = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, capture_output=True, text=True,
                              check=False, timeout=200)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not deliver {package} in time")
    if done.returncode != 0:
        pytest.skip(f"npm cannot deliver {package}: {done.stderr.strip()[:200]}")
    archive = folder / done.stdout.strip().splitlines()[-1]
    with tarfile.open(archive) as tar, (folder / "renamed").open("wb") as out:
        shutil.copyfileobj(tar.extractfile(member), out)
    archive.unlink()
    return folder / "renamed"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("package", "member", "words", "start"), [
    ("opencode-linux-x64", "package/bin/opencode", ("bun", "bun"), None),
    ("@github/copilot-linux-x64", "package/copilot", ("node-sea", "node"), b"\x20\xda\x43\x01"),
])
def test_single_file_programs_by_content_alone(identify, tmp_path, package, member, words, start):
    program = fetch(package, member, tmp_path)
    try:
        with program.open("r+b") as file:
            file.seek(0, 2)
            file.write(b"appended" * 512)
            (told,) = identify(program)
            assert (told["class"], told["runtime"], told["linkage"]) == (*words, "dynamic")
            assert 1 << 20 < told["payload_size"] < told["size"]
            file.seek(told["payload_offset"])
            beginning = file.read(1 << 12)
            assert beginning.startswith(start) if start else b"/$bunfs/root/" in beginning
    finally:
        program.unlink()
