//! Memory, processor and disks of this machine.

use std::path::Path;

use sysinfo::{CpuRefreshKind, Disks, MemoryRefreshKind, RefreshKind, System};

/// In bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    pub total: u64,
    /// What programs can use now without swapping, within the limit.
    pub available: u64,
    /// The limit of this process, by its control group or by `ulimit`, if it is below the total (Linux).
    pub limit: Option<u64>,
}

/// The machine's memory now.
pub fn memory() -> Memory {
    let system =
        System::new_with_specifics(RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()));
    let (total, available) = (system.total_memory(), system.available_memory());
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let read = |name: &str| std::fs::read_to_string(Path::new("/proc/self").join(name)).unwrap_or_default();
    let limits = process_limits(&read("limits"), &read("status"));
    let limits = limits.into_iter().chain(tightest_group(&groups, Path::new("/sys/fs/cgroup")));
    let tightest = limits.filter(|group| group.limit < total).min_by_key(|group| group.left);
    Memory {
        total,
        available: tightest.map_or(available, |group| group.left.min(available)),
        limit: tightest.map(|group| group.limit),
    }
}

/// What is left of `ulimit -v` (address space) and `ulimit -d` (data), where they are set, by `/proc/PID/limits` and
/// `/proc/PID/status`.
fn process_limits(limits: &str, status: &str) -> Vec<Group> {
    let number = |text: &str, name: &str| -> Option<u64> {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    let kinds = [("Max address space", "VmSize:"), ("Max data size", "VmData:")];
    let left = |(limit, used)| {
        let limit = number(limits, limit)?;
        let used = 1024 * number(status, used).unwrap_or(0);
        Some(Group { limit, left: limit.saturating_sub(used) })
    };
    kinds.into_iter().filter_map(left).collect()
}

/// Memory limit of a control group or a process, and how much of it is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    limit: u64,
    left: u64,
}

/// The group with the least memory left, of those that a process is in and all above them. `groups` is its
/// `/proc/PID/cgroup`; `root` is where groups of version 2 or 1 are mounted.
///
/// [`System::cgroup_limits`] only looks at `root`, and counts cached files as used.
fn tightest_group(groups: &str, root: &Path) -> Option<Group> {
    let folders = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
        if controllers.is_empty() {
            return Some((root.to_owned(), path, ["memory.max", "memory.current", "file", "shmem"]));
        }
        let names = ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache", "total_shmem"];
        controllers.split(',').any(|name| name == "memory").then(|| (root.join("memory"), path, names))
    });
    let limited = folders.flat_map(|(root, path, names)| {
        let group = root.join(path);
        let above = group.ancestors().take_while(|folder| folder.starts_with(&root));
        above.filter_map(|folder| Group::read(folder, names)).collect::<Vec<_>>()
    });
    limited.min_by_key(|group| group.left)
}

impl Group {
    fn read(folder: &Path, [limit, usage, cache, shared]: [&str; 4]) -> Option<Group> {
        let number = |name: &str| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        let limit = number(limit)?;
        let statistics = std::fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let statistic = |name: &str| {
            let value = statistics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.and_then(|value| value.trim().parse().ok()).unwrap_or(0u64)
        };
        // Cached pages of files are freed when memory is needed; shared memory, which counts among them, is not.
        let cached = statistic(cache).saturating_sub(statistic(shared));
        let used = number(usage).unwrap_or(0).saturating_sub(cached);
        Some(Group { limit, left: limit.saturating_sub(used) })
    }
}

#[derive(Clone, Debug)]
pub struct Processor {
    pub model: String,
    /// Physical cores, if the system reports them.
    pub cores: Option<usize>,
    /// Threads that this process may run at once.
    pub threads: usize,
    /// Its SIMD instruction sets, of those that kernels use or could use.
    pub simd: Vec<&'static str>,
}

/// This machine's processor.
pub fn processor() -> Processor {
    let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()));
    let model = system.cpus().first().map_or("", |cpu| cpu.brand()).trim();
    #[cfg(target_arch = "x86_64")]
    let simd = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(target_arch = "aarch64")]
    let simd = [("neon", std::arch::is_aarch64_feature_detected!("neon"))];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let simd: [(&str, bool); 0] = [];
    Processor {
        model: if model.is_empty() { System::cpu_arch() } else { model.to_owned() },
        cores: System::physical_core_count(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        simd: simd.into_iter().filter_map(|(name, has)| has.then_some(name)).collect(),
    }
}

/// The operating system with its version.
pub fn operating_system() -> String {
    System::long_os_version().unwrap_or_else(|| std::env::consts::OS.to_owned())
}

/// Free bytes of the disk with this folder, which need not exist.
pub fn free_space(folder: &Path) -> Option<u64> {
    // A link may lead to another disk.
    let folder = folder.canonicalize().or_else(|_| std::path::absolute(folder)).ok()?;
    let disks = Disks::new_with_refreshed_list();
    let holding = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()));
    holding.max_by_key(|disk| disk.mount_point().components().count()).map(|disk| disk.available_space())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(dir).unwrap();
        std::fs::write(dir.join(name), text).unwrap();
    }

    #[test]
    fn memory_is_limited_by_tightest_group_without_cache() {
        let root = tempfile::tempdir().unwrap();
        let (outer, inner) = (root.path().join("job"), root.path().join("job/step"));
        write(&outer, "memory.max", "1000\n");
        write(&outer, "memory.current", "700\n");
        write(&outer, "memory.stat", "anon 300\nfile 400\nkernel 0\n");
        write(&inner, "memory.max", "max\n");
        let group = tightest_group("0::/job/step\n", root.path());
        assert_eq!(group, Some(Group { limit: 1000, left: 700 }));
        write(&inner, "memory.max", "900\n");
        write(&inner, "memory.current", "600\n");
        assert_eq!(tightest_group("0::/job/step\n", root.path()), Some(Group { limit: 900, left: 300 }));
        assert_eq!(tightest_group("0::/elsewhere\n", root.path()), None);
        write(&outer, "memory.stat", "anon 300\nfile 400\nfile_mapped 50\nshmem 350\n");
        let group = tightest_group("0::/job\n", root.path());
        assert_eq!(group, Some(Group { limit: 1000, left: 350 }), "shared memory stays");
    }

    #[test]
    fn limits_of_the_process_are_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max data size             unlimited            unlimited            bytes     \n\
                      Max address space         4096000              unlimited            bytes     \n";
        let status = "Name:\tasap\nVmPeak:\t    2000 kB\nVmSize:\t    1000 kB\nVmData:\t     100 kB\n";
        assert_eq!(process_limits(limits, status), [Group { limit: 4_096_000, left: 3_072_000 }]);
        assert_eq!(process_limits("", ""), []);
    }

    #[test]
    fn version_1_groups_are_read() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("memory/job");
        write(&group, "memory.limit_in_bytes", "5000\n");
        write(&group, "memory.usage_in_bytes", "2000\n");
        write(&group, "memory.stat", "cache 100\ntotal_cache 1500\ntotal_shmem 200\n");
        let groups = "5:cpu,cpuacct:/job\n4:memory:/job\n0::/\n";
        assert_eq!(tightest_group(groups, root.path()), Some(Group { limit: 5000, left: 4300 }));
    }
}
