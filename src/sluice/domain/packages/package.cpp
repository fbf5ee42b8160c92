#include "sluice/domain/packages/package.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <locale.h>

#include "sluice/base/words.hpp"
#include "sluice/domain/packages/libarchive.hpp"

namespace sluice::packages {
namespace {

constexpr std::string_view what_packages_are = "a package is a .zip or a .tar.gz with one pipeline.yaml";

enum class Kind { text, zip, gzip, other };

/// No text in YAML or JSON begins as an archive: it has no control characters.
Kind kind_of(std::string_view content) {
  using namespace std::string_view_literals;
  for (const auto zip : {"PK\x03\x04"sv, "PK\x05\x06"sv, "PK\x07\x08"sv})
    if (content.starts_with(zip)) return Kind::zip;
  if (content.starts_with("\x1f\x8b"sv)) return Kind::gzip;
  for (const auto other : {"BZh9"sv,
                           "\xfd"
                           "7zXZ\0"sv,
                           "\x28\xb5\x2f\xfd"sv, "7z\xbc\xaf\x27\x1c"sv, "Rar!\x1a"sv})
    if (content.starts_with(other)) return Kind::other;
  constexpr std::size_t tar_mark = 257;
  if (content.size() > tar_mark && content.substr(tar_mark).starts_with("ustar")) return Kind::other;
  return Kind::text;
}

/// Has the library read and write names in UTF-8, whatever the locale of the process: it asks for that of the
/// thread.
class NamesInUtf8 {
 public:
  NamesInUtf8() : made_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(::uselocale(made_)) {}
  ~NamesInUtf8() {
    ::uselocale(before_);
    if (made_ != nullptr) ::freelocale(made_);
  }
  NamesInUtf8(const NamesInUtf8&) = delete;
  NamesInUtf8& operator=(const NamesInUtf8&) = delete;

 private:
  locale_t made_;
  locale_t before_;
};

/// A path that stays inside of the package, without a leading "./"; fails for any other.
Result<std::string> safe_name(const char* given) {
  std::string_view name = given == nullptr ? "" : given;
  if (name.empty() || !is_utf8(name))
    return Fail(user_error(Code::invalid_argument, "a file in the package has a name that is not UTF-8"));
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }))
    return Fail(
        user_error(Code::invalid_argument, "a file in the package has a name with control characters"));
  constexpr std::size_t name_max = 1000;
  if (name.size() > name_max)
    return Fail(
        user_error(Code::invalid_argument, "a file in the package has a name of more than 1000 bytes"));
  while (name.starts_with("./")) name.remove_prefix(2);
  if (name.starts_with('/') || name.contains('\\') || ("/" + std::string(name) + "/").contains("/../"))
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("`{}` in the package is not a path inside of it; pack it anew, with plain names", name)));
  return std::string(name);
}

Fail too_many_entries() {
  return Fail(user_error(Code::too_large, fmt::format("the package holds more than {} files", entries_max)));
}

Fail is_empty() {
  return Fail(user_error(Code::invalid_argument, fmt::format("the package is empty; {}", what_packages_are)));
}

class Package {
 public:
  Package(const Libarchive& library, std::string_view content, Kind kind)
      : library_(library),
        archive_(library.read_new(), library.read_free),
        content_(content),
        is_zip_(kind == Kind::zip),
        bytes_max_(free_bytes + ratio_max * content.size()) {}

  Result<Text> text(const std::string& file, std::size_t text_bytes_max) {
    bytes_max_ = std::min(bytes_max_, text_bytes_max);
    SLUICE_DO(open());
    SLUICE_TRY(chosen, choose());
    archive_.reset(library_.read_new());
    SLUICE_DO(open());
    for (std::size_t i = 0; i <= chosen.index; ++i) {
      SLUICE_TRY(found, next());
      if (!found) return unreadable();
    }
    SLUICE_TRY(text, content_of_entry());
    if (kind_of(text) != Kind::text)
      return Fail(user_error(
          Code::invalid_argument,
          fmt::format("`{}` in the package is an archive again; {}", chosen.name, what_packages_are)));
    return Text{.text = std::move(text), .file = file + "/" + chosen.name};
  }

 private:
  struct Chosen {
    std::size_t index = 0;
    std::string name;
  };

  Fail unreadable() const {
    const auto* given = library_.error_string(archive_.get());
    const std::string said = given == nullptr ? "it is damaged" : as_utf8(given);
    if (!is_zip_ && said == "Unrecognized archive format")
      return Fail(user_error(
          Code::invalid_argument,
          fmt::format("the package is compressed by gzip, but is no tar archive; {}", what_packages_are)));
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("cannot read the package: {}; {}", said, what_packages_are)));
  }
  Fail too_large() const {
    return Fail(user_error(
        Code::too_large,
        fmt::format("the package of {} unpacks to more than {}; put nothing into it but the pipeline, or "
                    "send that as it is",
                    human_bytes(content_.size()), human_bytes(bytes_max_))));
  }

  Result<void> open() {
    if (archive_ == nullptr) return Fail(environment_error(Code::exhausted, "there is no memory to read it"));
    if (is_zip_) {
      library_.read_support_format_zip_seekable(archive_.get());
    } else {
      library_.read_support_format_tar(archive_.get());
      library_.read_support_filter_gzip(archive_.get());
    }
    if (library_.read_open_memory(archive_.get(), content_.data(), content_.size()) != ARCHIVE_OK)
      return unreadable();
    return {};
  }

  /// Goes to the next entry; false: there is none. A warning of the library is about what a pipeline does not
  /// need, such as times.
  Result<bool> next() {
    const auto status = library_.read_next_header(archive_.get(), &entry_);
    if (status == ARCHIVE_EOF) return false;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return unreadable();
    constexpr int gzip_once = 2;  // the library counts the bytes themselves, too
    if (!is_zip_ && library_.filter_count(archive_.get()) != gzip_once)
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("the package is compressed more than once; {}", what_packages_are)));
    // Headers count, too: each may be followed by megabytes of what no pipeline needs.
    constexpr std::size_t header_bytes = 4096;
    if (!is_zip_ && library_.filter_bytes(archive_.get(), 0) >
                        static_cast<std::int64_t>(bytes_max_ + entries_max * header_bytes))
      return too_large();
    return true;
  }

  /// The name of the entry, if it is a file that a package may hold; "" for a folder.
  Result<std::string> file_name() const {
    SLUICE_TRY(name, safe_name(library_.entry_pathname(entry_)));
    const auto type = library_.entry_filetype(entry_);
    const bool is_link = type == AE_IFLNK || library_.entry_hardlink(entry_) != nullptr;
    if (type == AE_IFREG && !is_link) return name;
    if (type == AE_IFDIR) return std::string();
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("`{}` in the package is {}; it may hold only files and folders", name,
                                       is_link ? "a link" : "a device or a pipe")));
  }

  /// Looks at all entries: each must be safe, and what they unpack to bounded.
  Result<Chosen> choose() {
    std::vector<Chosen> candidates;
    std::vector<std::string> others;
    std::size_t bytes = 0;
    for (std::size_t index = 0;; ++index) {
      SLUICE_TRY(found, next());
      if (!found) break;
      if (index >= entries_max) return too_many_entries();
      SLUICE_TRY(name, file_name());
      const auto size = library_.entry_size(entry_);
      if (size < 0) return unreadable();
      bytes += std::min(static_cast<std::size_t>(size), bytes_max_ + 1);
      if (bytes > bytes_max_) return too_large();
      if (name.empty()) continue;
      (is_pipeline(name) ? candidates.emplace_back(Chosen{index, name}).name : others.emplace_back(name));
    }
    return choose_of(std::move(candidates), others);
  }

  static bool is_pipeline(std::string_view name) {
    name.remove_prefix(name.rfind('/') + 1);  // npos + 1 is 0
    const auto lower = lower_ascii(name);
    return !lower.starts_with('.') &&
           (lower.ends_with(".yaml") || lower.ends_with(".yml") || lower.ends_with(".json"));
  }

  static Result<Chosen> choose_of(std::vector<Chosen> candidates, const std::vector<std::string>& others) {
    constexpr std::string_view usual = "pipeline.yaml";
    const auto count = std::ranges::count(candidates, usual, &Chosen::name);
    if (count > 1)
      return Fail(
          user_error(Code::invalid_argument, "the package holds `pipeline.yaml` twice; pack it anew"));
    if (count == 1) return *std::ranges::find(candidates, usual, &Chosen::name);
    if (candidates.size() == 1) return std::move(candidates.front());
    if (candidates.empty() && others.empty()) return is_empty();
    constexpr std::size_t named_max = 3;
    std::vector<std::string> names;
    std::ranges::transform(candidates, std::back_inserter(names), &Chosen::name);
    const auto& all = candidates.empty() ? others : names;
    auto shown =
        fmt::format("`{}`", fmt::join(all.begin(), all.begin() + std::min(all.size(), named_max), "`, `"));
    if (all.size() > named_max) shown += ", …";
    if (candidates.empty())
      return Fail(user_error(Code::invalid_argument, fmt::format("the package holds no pipeline, but {}; {}",
                                                                 shown, what_packages_are)));
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("the package holds {}, and none of them is `pipeline.yaml`; pack the one that is meant",
                    shown)));
  }

  Result<std::string> content_of_entry() {
    if (library_.entry_is_encrypted(entry_) != 0)
      return Fail(user_error(Code::invalid_argument, "the package is encrypted; pack it without a password"));
    if (is_zip_) {
      // Of the methods of zip, these two need little memory, and are what Kubeflow's back end reads.
      const std::string_view format = library_.format_name(archive_.get());
      if (!format.contains("(deflation)") && !format.contains("(uncompressed)"))
        return Fail(user_error(
            Code::invalid_argument,
            fmt::format("the package is compressed by a method that is not read here, {}; pack it with the "
                        "usual one (deflate)",
                        format)));
    }
    std::string out;
    constexpr std::size_t step = std::size_t{64} << 10;
    for (;;) {
      const auto before = out.size();
      ssize_t count = 0;
      out.resize_and_overwrite(before + step, [&](char* data, std::size_t) {
        count = library_.read_data(archive_.get(), data + before, step);
        return before + static_cast<std::size_t>(std::max<ssize_t>(count, 0));
      });
      if (count < 0) return unreadable();
      if (count == 0) return out;
      if (out.size() > bytes_max_) return too_large();
    }
  }

  const Libarchive& library_;
  std::unique_ptr<archive, decltype(Libarchive::read_free)> archive_;
  std::string_view content_;
  bool is_zip_;
  std::size_t bytes_max_;
  archive_entry* entry_ = nullptr;  // of the archive
};

/// Before the library reads all of it: a zip ends with a directory of what it holds.
Result<void> check_directory(std::string_view zip) {
  if (!zip.contains("PK\x05\x06"))
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("the package has no end: it is truncated; {}", what_packages_are)));
  constexpr std::string_view mark = "PK\x01\x02";
  std::size_t entries = 0;
  for (auto at = zip.find(mark); at != std::string_view::npos; at = zip.find(mark, at + mark.size()))
    if (++entries > entries_max) return too_many_entries();
  if (entries == 0) return is_empty();
  return {};
}

Result<Text> unpacked(std::string_view content, Kind kind, const std::string& file,
                      std::size_t text_bytes_max) {
  if (kind == Kind::other)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("archives of this kind are not read; {}", what_packages_are)));
  if (content.size() > package_bytes_max)
    return Fail(user_error(Code::too_large,
                           fmt::format("the package has {}, and at most {} are read",
                                       human_bytes(content.size()), human_bytes(package_bytes_max))));
  if (kind == Kind::zip) SLUICE_DO(check_directory(content));
  SLUICE_TRY(library, libarchive());
  const NamesInUtf8 names;
  return Package(*library, content, kind).text(file, text_bytes_max);
}

}  // namespace

Result<Text> text_of(std::string content, const std::string& file, std::size_t text_bytes_max) {
  const auto kind = kind_of(content);
  if (kind == Kind::text) return Text{.text = std::move(content), .file = file};
  auto made = unpacked(content, kind, file, text_bytes_max);
  if (!made) return Fail(std::move(made).error().at(file));
  return made;
}

Result<std::string> version_of_library() {
  SLUICE_TRY(library, libarchive());
  return std::string(library->version_string());
}

}  // namespace sluice::packages
