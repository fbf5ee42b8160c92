#include "sluice/domain/ai/split.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "sluice/base/findings.hpp"
#include "sluice/base/random.hpp"
#include "sluice/base/words.hpp"

namespace sluice::ai {
namespace {

constexpr std::string_view shape = "the expected layout is one subfolder per class, CLASS/NAME.png";
constexpr std::size_t per_class_min = learn_min + 1;

/// The class, and the path in its folder: of "bird/a.png", "bird" and "a.png". "" and the path: outside of
/// any.
std::pair<std::string_view, std::string_view> class_of(std::string_view path) {
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

/// What is wrong in a folder of classes, each problem with the path that it is about.
class Problems {
 public:
  void add(const std::string& path, std::string problem) { by_path_.emplace(path, std::move(problem)); }

  /// Files that are not directly in the folder of a class are reported by their folder, once.
  void add_file(const std::string& path) {
    const auto [label, rest] = class_of(path);
    if (label.empty()) add(path, fmt::format("`{}` is not in a class folder; {}", path, shape));
    if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
      const auto folder = path.substr(0, label.size() + 1 + slash);
      add(folder, fmt::format("`{}` is a folder inside class `{}`; {}", folder, label, shape));
    }
  }
  [[nodiscard]] bool empty() const { return by_path_.empty(); }
  [[nodiscard]] Error error() const {
    Findings findings;
    for (const auto& [path, problem] : by_path_) findings.add(problem);
    return std::move(findings).error(Code::invalid_argument);
  }

 private:
  std::map<std::string, std::string> by_path_;
};

std::string too_few(const std::string& label, std::size_t pictures) {
  if (pictures == 0) return fmt::format("class `{}` has no pictures; add some, or remove the folder", label);
  return fmt::format(
      "class `{}` has {} picture{}; at least {} are needed: {} to learn from and one to hold out", label,
      pictures, pictures == 1 ? "" : "s", per_class_min, learn_min);
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

Result<std::vector<LabeledPicture>> labeled_pictures(const PictureFolder& folder) {
  Problems problems;
  std::map<std::string, std::size_t> classes;  // to the number of pictures and of what is reported
  for (const auto& path : folder.folders)
    if (!path.contains('/')) classes.emplace(path, 0);
  std::vector<LabeledPicture> pictures;
  for (const auto& picture : folder.pictures) {
    const auto [label, rest] = class_of(picture.path);
    if (label.empty() || rest.contains('/')) {
      problems.add_file(picture.path);
    } else {
      pictures.push_back({.path = picture.path, .label = std::string(label), .digest = picture.digest});
    }
    if (!label.empty()) ++classes[std::string(label)];
  }
  for (const auto& path : folder.others) {
    const auto [label, rest] = class_of(path);
    if (label.empty() || rest.contains('/'))
      problems.add_file(path);
    else
      problems.add(path, fmt::format("`{}` is not a picture; remove it, or list it in .sluiceignore", path));
    if (!label.empty()) ++classes[std::string(label)];
  }
  for (const auto& path : folder.dangling) problems.add(path, describe_dangling(path));
  for (const auto& [label, found] : classes)
    if (found < per_class_min) problems.add(label, too_few(label, found));
  if (folder.pictures.empty() && folder.others.empty() && classes.empty())
    problems.add("", fmt::format("there are no pictures: the folder is empty; {}", shape));
  else if (classes.empty())
    problems.add("", fmt::format("there are no classes: the folder has no subfolders; {}", shape));
  else if (classes.size() == 1)
    problems.add("",
                 fmt::format("there is only one class, `{}`; at least 2 are needed", classes.begin()->first));
  if (!problems.empty()) return Fail(problems.error());
  return pictures;
}

Result<void> check_learn(std::int64_t learn) {
  if (learn >= static_cast<std::int64_t>(learn_min)) return {};
  return Fail(
      user_error(Code::invalid_argument,
                 fmt::format("learn is {}; it must be at least {} pictures per class", learn, learn_min)));
}

Split draw_split(const std::vector<LabeledPicture>& pictures, std::int64_t learn, std::int64_t seed) {
  SLUICE_CHECK(check_learn(learn).has_value());
  std::map<std::string, std::vector<LabeledPicture>> by_class;
  for (const auto& picture : pictures) by_class[picture.label].push_back(picture);

  Split split{.seed = seed};
  for (auto& [label, own] : by_class) {
    SLUICE_CHECK(own.size() >= per_class_min);
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
