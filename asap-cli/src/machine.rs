//! What this machine has: memory, processor, disks.

use std::path::{Path, PathBuf};

use sysinfo::{CpuRefreshKind, Disks, MemoryRefreshKind, RefreshKind, System};

/// Memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// All of the machine's.
    pub total: u64,
    /// What programs can take now without swapping, within the limit.
    pub available: u64,
    /// What this process's control group may take, where that is less than the machine has (Linux).
    pub limit: Option<u64>,
}

/// The machine's memory now.
pub fn memory() -> Memory {
    let system =
        System::new_with_specifics(RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()));
    let (total, available) = (system.total_memory(), system.available_memory());
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let tightest = control_group_room(&groups, Path::new("/sys/fs/cgroup")).filter(|room| room.limit < total);
    Memory {
        total,
        available: tightest.map_or(available, |room| room.left.min(available)),
        limit: tightest.map(|room| room.limit),
    }
}

/// What a control group may take, and what of it is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    limit: u64,
    left: u64,
}

/// The least room of the groups that a process is in and of those above them. `groups` is the text of its
/// `/proc/PID/cgroup`; `root` is where the groups are mounted, of version 2 or 1.
fn control_group_room(groups: &str, root: &Path) -> Option<Room> {
    let folders = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
        match controllers {
            "" => Some((root.to_path_buf(), path, ["memory.max", "memory.current", "file", "shmem"])),
            _ if controllers.split(',').any(|name| name == "memory") => {
                let names = ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache", "total_shmem"];
                Some((root.join("memory"), path, names))
            }
            _ => None,
        }
    });
    let rooms = folders.flat_map(|(root, path, [limit, usage, cache, shared])| {
        let leaf = root.join(path);
        let above: Vec<PathBuf> =
            leaf.ancestors().take_while(|dir| dir.starts_with(&root)).map(Path::to_path_buf).collect();
        above.into_iter().filter_map(move |dir| {
            let number = |name: &str| std::fs::read_to_string(dir.join(name)).ok()?.trim().parse::<u64>().ok();
            let limit = number(limit)?;
            let statistics = std::fs::read_to_string(dir.join("memory.stat")).unwrap_or_default();
            let statistic = |name: &str| {
                let (_, value) =
                    statistics.lines().filter_map(|line| line.split_once(' ')).find(|(key, _)| *key == name)?;
                value.trim().parse::<u64>().ok()
            };
            // Pages that hold parts of files are given up when a program needs the room; shared memory, which counts among
            // them, is not.
            let cached = statistic(cache).unwrap_or(0).saturating_sub(statistic(shared).unwrap_or(0));
            let held = number(usage).unwrap_or(0).saturating_sub(cached);
            Some(Room { limit, left: limit.saturating_sub(held) })
        })
    });
    rooms.min_by_key(|room| room.left)
}

/// The processor.
#[derive(Clone, Debug)]
pub struct Processor {
    /// As its maker calls it.
    pub model: String,
    /// Cores, where the system tells.
    pub cores: Option<usize>,
    /// Threads that this process may run at once.
    pub threads: usize,
    /// Instruction sets for several numbers at once that it has, of those that kernels are made for or could be.
    pub simd: Vec<&'static str>,
}

/// This machine's processor.
pub fn processor() -> Processor {
    let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()));
    let model = system.cpus().first().map_or("", |cpu| cpu.brand()).trim();
    Processor {
        model: if model.is_empty() { System::cpu_arch() } else { model.to_owned() },
        cores: System::physical_core_count(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        simd: simd(),
    }
}

#[cfg(target_arch = "x86_64")]
fn simd() -> Vec<&'static str> {
    let found = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    found.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

#[cfg(target_arch = "aarch64")]
fn simd() -> Vec<&'static str> {
    if std::arch::is_aarch64_feature_detected!("neon") { vec!["neon"] } else { Vec::new() }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn simd() -> Vec<&'static str> {
    Vec::new()
}

/// The operating system with its version.
pub fn operating_system() -> String {
    System::long_os_version().unwrap_or_else(|| std::env::consts::OS.to_owned())
}

/// Free bytes of the disk that holds a folder, or would.
pub fn free_space(folder: &Path) -> Option<u64> {
    // A link leads to another disk.
    let folder = folder.canonicalize().or_else(|_| std::path::absolute(folder)).ok()?;
    let disks = Disks::new_with_refreshed_list();
    let holding = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()));
    holding.max_by_key(|disk| disk.mount_point().components().count()).map(|disk| disk.available_space())
}

/// Bytes as people read them: `340 MB`, `2.31 GB`.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000_000_000 => format!("{:.0} MB", count as f64 / 1e6),
        _ => format!("{:.2} GB", count as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(dir).unwrap();
        std::fs::write(dir.join(name), text).unwrap();
    }

    #[test]
    fn the_tightest_group_above_counts_and_cached_files_do_not() {
        let root = tempfile::tempdir().unwrap();
        let (outer, inner) = (root.path().join("job"), root.path().join("job/step"));
        write(&outer, "memory.max", "1000\n");
        write(&outer, "memory.current", "700\n");
        write(&outer, "memory.stat", "anon 300\nfile 400\nkernel 0\n");
        write(&inner, "memory.max", "max\n");
        let room = control_group_room("0::/job/step\n", root.path());
        assert_eq!(room, Some(Room { limit: 1000, left: 700 }));
        write(&inner, "memory.max", "900\n");
        write(&inner, "memory.current", "600\n");
        assert_eq!(control_group_room("0::/job/step\n", root.path()), Some(Room { limit: 900, left: 300 }));
        assert_eq!(control_group_room("0::/elsewhere\n", root.path()), None);
        write(&outer, "memory.stat", "anon 300\nfile 400\nfile_mapped 50\nshmem 350\n");
        let room = control_group_room("0::/job\n", root.path());
        assert_eq!(room, Some(Room { limit: 1000, left: 350 }), "shared memory stays");
    }

    #[test]
    fn version_1_keeps_memory_apart() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("memory/job");
        write(&group, "memory.limit_in_bytes", "5000\n");
        write(&group, "memory.usage_in_bytes", "2000\n");
        write(&group, "memory.stat", "cache 100\ntotal_cache 1500\ntotal_shmem 200\n");
        let groups = "5:cpu,cpuacct:/job\n4:memory:/job\n0::/\n";
        assert_eq!(control_group_room(groups, root.path()), Some(Room { limit: 5000, left: 4300 }));
    }

    #[test]
    fn bytes_read_as_people_say_them() {
        assert_eq!([340_400_000, 2_312_000_000].map(bytes), ["340 MB", "2.31 GB"]);
    }
}
