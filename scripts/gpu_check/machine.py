"""Describes this machine: card, driver, versions, and the build under test."""

import ctypes
import datetime
import glob
import json
import os
import re
import subprocess
import sys

# Folders in which the program looks for CUDA libraries.
LIBRARIES = "ASAP_CUDA_LIBRARIES"


def output(command):
    """Returns what a command prints, or an empty string if it is missing or fails."""
    try:
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.strip() if ran.returncode == 0 else ""


def library(*names):
    """Returns the first of these libraries that can be loaded."""
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            pass
    return None


def cuda_version():
    """Returns the newest CUDA version that the driver supports."""
    driver, version = library("libcuda.so.1", "libcuda.so"), ctypes.c_int()
    if driver is None or driver.cuDriverGetVersion(ctypes.byref(version)) != 0:
        return None
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


def nvrtc_version(doctor):
    """Returns the version of the NVRTC that the program finds."""
    found = [entry.get("found") or "" for entry in doctor.get("cuda_libraries", []) if entry.get("library") == "NVRTC"]
    paths = [path for path in found if path.startswith("/")]
    nvrtc = library(*paths, "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so")
    major, minor = ctypes.c_int(), ctypes.c_int()
    if nvrtc is None or nvrtc.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)) != 0:
        return None
    return f"{major.value}.{minor.value}"


def gpu(doctor):
    """Returns the first GPU's name, or why no GPU is usable."""
    devices = [device for device in doctor.get("devices", []) if device["device"].startswith("cuda")]
    works = [device for device in devices if device["ok"]]
    if works:
        return (works[0].get("what") or works[0]["device"]).split(",")[0], None
    problems = [device["problem"] for device in devices if device.get("problem")]
    return None, problems[0] if problems else "`asap doctor` lists none"


def ask_doctor(folder):
    """Returns what `asap doctor` reports about this machine."""
    report = output([folder / "bin/asap", "doctor", "--json"])
    if report:
        return json.loads(report.splitlines()[0])
    problem = "`asap doctor` fails here; is this machine's C library older than that of the build machine?"
    return {"devices": [{"device": "cuda", "ok": False, "problem": problem}]}


def about(folder):
    """Returns everything that results depend on, and why no GPU is usable, if so."""
    doctor = ask_doctor(folder)
    card, problem = gpu(doctor)
    # Fall back to the libraries of this Python's PyTorch.
    folders = [lib for site in sys.path for lib in sorted(glob.glob(f"{site}/nvidia/*/lib"))]
    if problem and folders and LIBRARIES not in os.environ:
        os.environ[LIBRARIES] = os.pathsep.join(folders)
        doctor = ask_doctor(folder)
        card, problem = gpu(doctor)
    smi = output(["nvidia-smi", "--query-gpu=name,driver_version,power.limit,clocks.max.sm", "--format=csv,noheader"])
    smi = smi.splitlines()[0].split(", ") if smi else [None] * 4
    torch = output([sys.executable, "-c", "import torch; print(torch.__version__)"])
    build = json.loads((folder / "build.json").read_text())
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "card": card,
        "driver": smi[1],
        "power_limit": smi[2],
        "max_clock": smi[3],
        "cuda": cuda_version(),
        "nvrtc": nvrtc_version(doctor),
        "torch": torch or None,
        **build,
        "doctor": doctor,
    }, problem


def file_name(about):
    """DATE-CARD.json"""
    card = re.sub("[^a-z0-9]+", "-", (about["card"] or "no-gpu").lower()).strip("-")
    return f"{about['date']}-{card}.json"
