#include "sluice/stores/git/packed_refs.hpp"

#include <algorithm>
#include <functional>

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
  if (text.size() != oid_digits) return false;
  // Without branches: of each ref of a model that has thousands, at each change.
  unsigned other = 0;
  for (const char c : text)
    other |= static_cast<unsigned>(static_cast<unsigned char>(c - '0') > 9) &
             static_cast<unsigned>(static_cast<unsigned char>(c - 'a') > 5);
  return other == 0;
}

std::string Refs::text() const {
  std::string out(header);
  constexpr std::size_t around_a_ref = 5;  // blank, caret, and line ends
  std::size_t bytes = out.size();
  for (const auto& ref : refs_)
    bytes += ref.target.size() + ref.name.size() + ref.peeled.size() + around_a_ref;
  out.reserve(bytes);
  for (const auto& ref : refs_) {
    out.append(ref.target).append(" ").append(ref.name).append("\n");
    if (!ref.peeled.empty()) out.append("^").append(ref.peeled).append("\n");
  }
  return out;
}

Result<Refs> Refs::parse(std::string text) {
  Refs out;
  std::string_view rest = out.texts_.emplace_back(std::move(text));
  bool may_be_peeled = false;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return Fail(broken(number));  // truncated
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.starts_with('#')) continue;
    if (line.starts_with('^')) {
      if (!may_be_peeled || !is_oid(line.substr(1))) return Fail(broken(number));
      out.refs_.back().peeled = line.substr(1);
      may_be_peeled = false;
      continue;
    }
    if (line.size() <= oid_digits + 1 || line[oid_digits] != ' ' || !is_oid(line.substr(0, oid_digits)) ||
        !line.substr(oid_digits + 1).starts_with("refs/"))
      return Fail(broken(number));
    out.refs_.push_back(
        {.name = line.substr(oid_digits + 1), .target = line.substr(0, oid_digits), .peeled = ""});
    may_be_peeled = true;
  }
  // As git does, for files that another program wrote. Of equal names the last one counts.
  if (std::ranges::adjacent_find(out.refs_, std::greater_equal{}, &Ref::name) != out.refs_.end()) {
    std::ranges::sort(out.refs_, [](const Ref& a, const Ref& b) {
      return a.name != b.name ? a.name < b.name : a.name.data() > b.name.data();
    });
    const auto [first, last] = std::ranges::unique(out.refs_, {}, &Ref::name);
    out.refs_.erase(first, last);
  }
  return out;
}

std::span<const Ref> Refs::below(std::string_view prefix) const {
  const auto first = std::ranges::lower_bound(refs_, prefix, {}, &Ref::name);
  const auto last =
      std::find_if_not(first, refs_.end(), [prefix](const Ref& ref) { return ref.name.starts_with(prefix); });
  return {first, last};
}

std::optional<Ref> Refs::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(refs_, name, {}, &Ref::name);
  if (found == refs_.end() || found->name != name) return std::nullopt;
  return *found;
}

void Refs::set(const Ref& ref) {
  const auto own = [this](std::string_view text) -> std::string_view { return texts_.emplace_back(text); };
  const Ref owned{.name = own(ref.name), .target = own(ref.target), .peeled = own(ref.peeled)};
  const auto found = std::ranges::lower_bound(refs_, ref.name, {}, &Ref::name);
  if (found != refs_.end() && found->name == ref.name)
    *found = owned;
  else
    refs_.insert(found, owned);
}

void Refs::remove(std::string_view name) {
  const auto found = std::ranges::lower_bound(refs_, name, {}, &Ref::name);
  if (found != refs_.end() && found->name == name) refs_.erase(found);
}

Result<Refs> read_refs(const fs::path& repository) {
  const auto file = repository / "packed-refs";
  auto text = os::read_file(file, refs_bytes_max);
  if (!text) {
    if (text.error().code == Code::not_found && os::exists(repository)) return Refs();
    return Fail(std::move(text).error());
  }
  auto refs = Refs::parse(std::move(*text));
  if (!refs) return Fail(std::move(refs).error().at(file.string()));
  return refs;
}

Result<void> write_refs(const fs::path& repository, const Refs& refs) {
  return os::write_file_atomically(repository / "packed-refs", refs.text(), os::Sync::yes);
}

Result<void> refuse_loose_refs(const fs::path& repository) {
  SLUICE_TRY(loose, os::files_below(repository / "refs"));
  if (loose.empty()) return {};
  return Fail(user_error(Code::failed_precondition, repository.string() + ": another program wrote refs/" +
                                                        loose.front().string() + "; pack it with `git -C " +
                                                        repository.string() + " pack-refs --all`"));
}

}  // namespace sluice::stores::git
