#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/app/plugins.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"

// The commands backup and restore.

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

struct BackupOptions {
  CommonOptions common;
  std::string folder;
};

fs::path description_of(const fs::path& backup) { return backup / "backup.json"; }

/// A folder that is complete once it has its name.
class UnfinishedFolder {
 public:
  static Result<UnfinishedFolder> make(const fs::path& wanted) {
    std::error_code failed;
    if (os::exists(wanted) && (!fs::is_empty(wanted, failed) || failed))
      return Fail(user_error(Code::already_exists, os::printable(wanted) +
                                                       ": exists and is not an empty folder; "
                                                       "name another folder"));
    auto absolute = fs::absolute(wanted, failed);
    if (failed) return Fail(system_error("use the folder " + os::printable(wanted), failed.value()));
    absolute = absolute.lexically_normal();
    if (!absolute.has_filename()) absolute = absolute.parent_path();
    SLUICE_DO(os::make_directories(absolute.parent_path()));
    SLUICE_TRY(made, os::TemporaryDirectory::make(absolute.parent_path(),
                                                  absolute.filename().string() + ".unfinished-"));
    return UnfinishedFolder(std::move(made), absolute);
  }
  [[nodiscard]] DataFolder folder() const { return {.root = made_.path()}; }
  Result<void> finish() {
    SLUICE_DO(os::fsync_directory(made_.path()));
    if (rename(made_.path().c_str(), wanted_.c_str()) != 0)
      return Fail(system_error("rename to " + wanted_.string(), errno));
    static_cast<void>(made_.release());
    return os::fsync_directory(wanted_.parent_path());
  }

 private:
  UnfinishedFolder(os::TemporaryDirectory made, fs::path wanted)
      : made_(std::move(made)), wanted_(std::move(wanted)) {}
  os::TemporaryDirectory made_;
  fs::path wanted_;
};

Exit print(const BackupOptions& options, std::string_view done, const BackupCounts& counts) {
  if (options.common.json) {
    Struct s;
    s.set("objects", counts.objects.things);
    s.set("bytes", counts.objects.bytes);
    s.set("models", counts.models);
    print_json(s);
  } else {
    print_text(stdout, "{}: {} objects ({}), {} models\n", done, counts.objects.things,
               human_bytes(static_cast<std::uint64_t>(counts.objects.bytes)), counts.models);
  }
  return Exit::ok;
}

Result<Exit> back_up(const BackupOptions& options) {
  SLUICE_TRY(data, find_data_folder(options.common.data));
  if (!os::exists(data.ledger()))
    return Fail(user_error(Code::not_found, data.root.string() + ": not a data folder: it has no ledger.db"));
  SLUICE_TRY(to, UnfinishedFolder::make(options.folder));
  const SystemClock clock;
  SLUICE_TRY(counts, copy_stores(data, to.folder(), clock));
  Struct description;
  description.set("sluice", SLUICE_VERSION);
  description.set("created", to_iso8601(clock.now()));
  description.set("objects", counts.objects.things);
  description.set("models", counts.models);
  SLUICE_DO(os::write_file_atomically(description_of(to.folder().root), to_json(description) + "\n",
                                      os::Sync::yes));
  SLUICE_DO(to.finish());
  return print(options, options.folder, counts);
}

Result<Exit> restore(const BackupOptions& options) {
  SLUICE_TRY(data, find_data_folder(options.common.data));
  const DataFolder backup{.root = options.folder};
  if (!os::exists(description_of(backup.root)))
    return Fail(user_error(Code::not_found, options.folder +
                                                ": not a backup: it has no backup.json; name a folder that "
                                                "`sluice backup` made"));
  SLUICE_TRY(to, UnfinishedFolder::make(data.root));
  const SystemClock clock;
  SLUICE_TRY(counts, copy_stores_checked(backup, to.folder(), clock));
  SLUICE_DO(to.finish());
  return print(options, data.root.string(), counts);
}

void add(CommandLine& program, const std::string& name, const std::string& description,
         const std::string& folder, const std::string& example, Result<Exit> (*work)(const BackupOptions&)) {
  auto options = std::make_shared<BackupOptions>();
  auto& command = program.add(name, description);
  add_common(command, options->common, example);
  command.argument("DIR", options->folder, folder);
  command.when_called([options, work] {
    const auto done = work(*options);
    return done ? *done : report(done.error());
  });
}

}  // namespace

void add_backup(CommandLine& program) {
  add(program, "backup", "copy a data folder, which a server may be using, as it is now",
      "the folder to make", "sluice backup /backups/today", back_up);
}

void add_restore(CommandLine& program) {
  add(program, "restore", "make a data folder from a backup; every digest is checked",
      "a folder that `sluice backup` made", "sluice restore /backups/today --data ./restored", restore);
}

}  // namespace sluice::app
