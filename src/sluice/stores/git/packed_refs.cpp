#include "sluice/stores/git/packed_refs.hpp"

#include <algorithm>

#include "sluice/os/files.hpp"

namespace sluice::stores::git {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view header = "# pack-refs with: peeled fully-peeled sorted \n";
constexpr std::size_t oid_digits = 40;
constexpr std::size_t refs_bytes_max = std::size_t{1} << 30;

Error broken(std::size_t line) {
  return environment_error(Code::data_loss,
                           "line " + std::to_string(line) +
                               " is not a valid ref; restore this file from a backup, or from a clone");
}

}  // namespace

bool is_oid(std::string_view text) {
  return text.size() == oid_digits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string format_refs(const Refs& refs) {
  std::string out(header);
  for (const auto& [name, ref] : refs) {
    out += ref.target + " " + name + "\n";
    if (!ref.peeled.empty()) out += "^" + ref.peeled + "\n";
  }
  return out;
}

Result<Refs> parse_refs(std::string_view text) {
  Refs refs;
  Ref* last = nullptr;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return Fail(broken(number));  // truncated
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.starts_with('#')) continue;
    if (line.starts_with('^')) {
      if (last == nullptr || !is_oid(line.substr(1))) return Fail(broken(number));
      last->peeled = line.substr(1);
      last = nullptr;
      continue;
    }
    if (line.size() <= oid_digits + 1 || line[oid_digits] != ' ' || !is_oid(line.substr(0, oid_digits)) ||
        !line.substr(oid_digits + 1).starts_with("refs/"))
      return Fail(broken(number));
    last = &refs[std::string(line.substr(oid_digits + 1))];
    *last = {.target = std::string(line.substr(0, oid_digits)), .peeled = ""};
  }
  return refs;
}

Result<Refs> read_refs(const fs::path& repository) {
  const auto file = repository / "packed-refs";
  auto text = os::read_file(file, refs_bytes_max);
  if (!text) {
    if (text.error().code == Code::not_found && os::exists(repository)) return Refs{};
    return Fail(std::move(text).error());
  }
  auto refs = parse_refs(*text);
  if (!refs) return Fail(std::move(refs).error().at(file.string()));
  return refs;
}

Result<void> write_refs(const fs::path& repository, const Refs& refs) {
  return os::write_file_atomically(repository / "packed-refs", format_refs(refs), os::Sync::yes);
}

Result<void> refuse_loose_refs(const fs::path& repository) {
  SLUICE_TRY(loose, os::files_below(repository / "refs"));
  if (loose.empty()) return {};
  return Fail(user_error(Code::failed_precondition, repository.string() + ": another program wrote refs/" +
                                                        loose.front().string() + "; pack it with `git -C " +
                                                        repository.string() + " pack-refs --all`"));
}

}  // namespace sluice::stores::git
