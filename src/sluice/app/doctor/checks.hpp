#pragma once
// The checks of `sluice doctor`, one function each. They leave no changes behind and start no thread.
#include "sluice/app/data_folder.hpp"
#include "sluice/app/doctor/finding.hpp"
#include "sluice/app/platform.hpp"

namespace sluice::app {

// machine.cpp
Finding check_processor();
Finding check_memory();
Finding check_open_files();

// kernel.cpp: the kernel features that isolate tasks and model hosts
Finding check_namespaces();
Finding check_mounts();
Finding check_cgroups();
Finding check_memory_limits();
Finding check_hosts();
/// Whether a server can tell its owner from other users of this machine.
Finding check_owner();

// installation.cpp: parts of Sluice, and third-party programs
Finding check_installation(const Installation& installation);
Finding check_libgit2();
Finding check_libarchive();
Finding check_libheif();
Finding check_git();
Finding check_git_lfs();
Finding check_python();
Finding check_uv(const Installation& installation);
/// Of containers.
Finding check_container_engine();

// storage.cpp
Finding check_data_folder(const DataFolder& data);
Finding check_disk(const DataFolder& data);
/// The default port of `sluice up`.
Finding check_port(const DataFolder& data);

}  // namespace sluice::app
