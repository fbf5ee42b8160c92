#include "sluice/domain/ai/split.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "sluice/base/random.hpp"
#include "sluice/base/words.hpp"

namespace sluice::ai {
namespace {

namespace fs = std::filesystem;

constexpr std::array picture_extensions{".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"};
constexpr std::string_view shape = "the expected layout is one subfolder per class, CLASS/NAME.png";

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool is_picture_by_name(const fs::path& path) {
  return std::ranges::find(picture_extensions, lower_ascii(path.extension().native())) !=
         picture_extensions.end();
}

/// An entry that cannot be examined does not count as a folder: reading it as a file then fails.
bool is_folder(const fs::directory_entry& entry) {
  std::error_code unknown;
  return entry.is_directory(unknown);
}

/// The entries of a folder, sorted by name: the order in which a directory lists them is arbitrary.
Result<std::vector<fs::directory_entry>> entries_of(const fs::path& folder) {
  std::error_code failed;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed))
    if (!is_hidden(at->path())) entries.push_back(*at);
  if (failed) return Fail(system_error(fmt::format("read folder {}", folder.string()), failed.value()));
  std::ranges::sort(entries, {},
                    [](const fs::directory_entry& entry) { return entry.path().filename().string(); });
  return entries;
}

/// All problems of a folder as one error: the first is the message.
Error refusal(const std::vector<std::string>& problems) {
  constexpr std::size_t listed_max = 10;
  Error error = user_error(Code::invalid_argument, problems.front());
  for (std::size_t i = 1; i < problems.size() && i < listed_max; ++i) error.notes.push_back(problems[i]);
  if (problems.size() > listed_max)
    error.notes.push_back(fmt::format("and {} more", problems.size() - listed_max));
  return error;
}

/// The pictures of one class.
Result<std::vector<LabeledPicture>> pictures_of_class(const fs::path& folder,
                                                      std::vector<std::string>& problems) {
  const std::string label = folder.filename().string();
  SLUICE_TRY(entries, entries_of(folder));
  std::vector<LabeledPicture> found;
  bool has_other_entries = false;
  for (const auto& entry : entries) {
    const std::string path = label + "/" + entry.path().filename().string();
    if (is_folder(entry)) {
      has_other_entries = true;
      problems.push_back(fmt::format("`{}` is a folder inside class `{}`; {}", path, label, shape));
    } else if (!is_picture_by_name(entry.path())) {
      has_other_entries = true;
      problems.push_back(fmt::format("`{}` does not have a picture extension ({}); remove or rename it", path,
                                     fmt::join(picture_extensions, " ")));
    } else {
      found.push_back({.path = path, .label = label});
    }
  }
  if (found.empty() && !has_other_entries)
    problems.push_back(fmt::format("class `{}` has no pictures; add some, or remove the folder", label));
  if (found.size() == 1) {
    problems.push_back(fmt::format(
        "class `{}` has one picture; at least 2 are needed: one to learn from and one to hold out", label));
  }
  return found;
}

/// The seed of one class: it must not change when other classes are added or removed.
std::uint64_t seed_of(std::int64_t seed, const std::string& label) {
  const Digest digest = Digest::of(fmt::format("{}\n{}", seed, label));
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i) out = out << 8 | digest.bytes[i];
  return out;
}

Value pictures_to_value(const std::vector<LabeledPicture>& pictures) {
  List out;
  for (const auto& picture : pictures) {
    Struct entry;
    entry.set("path", picture.path);
    entry.set("label", picture.label);
    out.emplace_back(std::move(entry));
  }
  return out;
}

}  // namespace

Result<std::vector<LabeledPicture>> labeled_pictures(const fs::path& folder) {
  SLUICE_TRY(entries, entries_of(folder));
  std::vector<LabeledPicture> pictures;
  std::vector<std::string> problems;
  std::vector<std::string> classes;
  for (const auto& entry : entries) {
    if (!is_folder(entry)) {
      problems.push_back(
          fmt::format("`{}` is not in a class folder; {}", entry.path().filename().string(), shape));
      continue;
    }
    classes.push_back(entry.path().filename().string());
    SLUICE_TRY(found, pictures_of_class(entry.path(), problems));
    pictures.insert(pictures.end(), found.begin(), found.end());
  }
  if (entries.empty()) {
    problems.push_back(fmt::format("there are no pictures: the folder is empty; {}", shape));
  } else if (classes.empty()) {
    problems.push_back(fmt::format("there are no classes: the folder has no subfolders; {}", shape));
  } else if (classes.size() == 1) {
    problems.push_back(fmt::format("there is only one class, `{}`; at least 2 are needed", classes.front()));
  }
  if (!problems.empty()) return Fail(refusal(problems));
  return pictures;
}

Result<Split> draw_split(const std::vector<LabeledPicture>& pictures, std::int64_t learn, std::int64_t seed) {
  if (learn < 1) {
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("learn is {}; it must be at least 1 picture per class", learn)));
  }
  std::map<std::string, std::vector<LabeledPicture>> by_class;
  for (const auto& picture : pictures) by_class[picture.label].push_back(picture);

  Split split{.seed = seed};
  for (auto& [label, own] : by_class) {
    SLUICE_CHECK(own.size() >= 2);
    split.classes.push_back(label);
    const std::size_t drawn = std::min(static_cast<std::size_t>(learn), own.size() - 1);
    SeededRandom random(seed_of(seed, label));
    for (std::size_t i = 0; i < drawn; ++i) std::swap(own[i], own[i + random.below(own.size() - i)]);
    split.learned.insert(split.learned.end(), own.begin(), own.begin() + static_cast<std::ptrdiff_t>(drawn));
    split.held_out.insert(split.held_out.end(), own.begin() + static_cast<std::ptrdiff_t>(drawn), own.end());
  }
  std::ranges::sort(split.learned, {}, &LabeledPicture::path);
  std::ranges::sort(split.held_out, {}, &LabeledPicture::path);
  return split;
}

Value to_json_value(const Split& split) {
  Struct out;
  out.set("seed", split.seed);
  out.set("classes", List(split.classes.begin(), split.classes.end()));
  out.set("learned", pictures_to_value(split.learned));
  out.set("held_out", pictures_to_value(split.held_out));
  return out;
}

}  // namespace sluice::ai
