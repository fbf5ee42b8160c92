// How honest an appraisal is, and what it costs (docs/decisions/0030).
//
//   appraisal_bench draws DRAWS EACH DATA…   intervals by several methods, from draws of EACH samples of a
//   class,
//                                            against the accuracy of the learned head on all others
//   appraisal_bench mislabels SHARE DATA…    finds labels that were changed on purpose
//   appraisal_bench duplicates DATA…         the most similar pairs
//   appraisal_bench time DATA…               seconds
//
// DATA: a folder with features.npy and index.json, the classes being the first part of each path; or
// `made CLASSES EACH FEATURES SPREAD`, clusters of unit length.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <span>
#include <string>

#include "figures.hpp"
#include "sluice/host/features.hpp"
#include "sluice/host/learning/appraisal.hpp"
#include "sluice/host/learning/duplicates.hpp"
#include "sluice/host/learning/folds.hpp"
#include "sluice/os/files.hpp"

namespace sluice::bench {
namespace {

using host::Matrix;
using Indices = std::vector<std::size_t>;

struct Data {
  Matrix samples;
  Indices labels;
  std::size_t classes = 0;
  std::vector<std::string> paths = {};

  [[nodiscard]] Data part(const Indices& rows) const {
    return {.samples = host::rows_of(samples, rows),
            .labels = host::entries_of(labels, rows),
            .classes = classes};
  }
};

double normal(SeededRandom& random) {
  return std::sqrt(-2 * std::log(1 - random.unit())) * std::cos(6.283185307179586 * random.unit());
}

void make_unit(std::span<double> row) {
  const double length = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
  for (double& x : row) x /= length;
}

Data made(std::size_t classes, std::size_t each, std::size_t features, double spread, std::uint64_t seed) {
  SeededRandom random(seed);
  Matrix centers(classes, features);
  for (double& x : centers.values) x = normal(random);
  Data out{.samples = Matrix(classes * each, features), .labels = {}, .classes = classes};
  for (std::size_t i = 0; i < classes * each; ++i) {
    out.labels.push_back(i % classes);
    const auto row = out.samples.row(i);
    for (std::size_t k = 0; k < features; ++k) row[k] = centers.row(i % classes)[k] + spread * normal(random);
    make_unit(row);
    out.paths.push_back(fmt::format("{}", i));
  }
  return out;
}

Data read(const std::filesystem::path& folder) {
  const auto features = good(host::read_features(good(os::read_file(folder / "features.npy")),
                                                 good(os::read_file(folder / "index.json"))));
  std::map<std::string, std::size_t> classes;
  const auto class_of = [](const std::string& path) { return path.substr(0, path.find('/')); };
  for (const auto& path : features.paths) classes.emplace(class_of(path), 0);
  std::size_t next = 0;
  for (auto& [name, number] : classes) number = next++;
  Data out{.samples = Matrix(features.paths.size(), features.columns), .labels = {}, .classes = next};
  std::ranges::copy(features.values, out.samples.values.begin());
  for (std::size_t i = 0; i < features.paths.size(); ++i) {
    out.labels.push_back(classes.at(class_of(features.paths[i])));
    make_unit(out.samples.row(i));
  }
  out.paths = features.paths;
  return out;
}

Data data_of(std::span<const std::string> arguments, std::uint64_t seed = 1) {
  if (arguments.size() == 5 && arguments[0] == "made")
    return made(std::stoul(arguments[1]), std::stoul(arguments[2]), std::stoul(arguments[3]),
                std::stod(arguments[4]), seed);
  return read(arguments.empty() ? "." : arguments[0]);
}

/// A head on some samples, and the rows of the others that it is measured with.
struct Draw {
  Data learned;
  Data others;
};

/// Draws in turn from a random order, so that those of one order are disjoint. A tenth of each class (at most
/// 1,000 samples a class) is kept for measuring and never drawn; with few samples, all that are left are.
std::vector<Draw> draw(const Data& data, std::size_t draws, std::size_t each) {
  SeededRandom random(5);
  std::vector<Draw> out;
  std::vector<Indices> of_class(data.classes);
  for (std::size_t i = 0; i < data.labels.size(); ++i) of_class[data.labels[i]].push_back(i);
  for (auto& own : of_class) host::shuffle(own, random);
  const auto fewest = std::ranges::min(of_class, {}, &Indices::size).size();
  const auto kept = fewest >= 40 * each ? fewest / 3 : 0;  // as many for each class
  std::vector<std::size_t> at(data.classes, kept);
  while (out.size() < draws) {
    Indices learned;
    Indices others;
    for (std::size_t c = 0; c < data.classes; ++c) {
      auto& own = of_class[c];
      if (at[c] + each > own.size()) {
        host::shuffle(std::span(own).subspan(kept), random);
        at[c] = kept;
      }
      for (std::size_t i = 0; i < own.size(); ++i) {
        if (i >= at[c] && i < at[c] + each)
          learned.push_back(own[i]);
        else if (kept == 0 || i < kept)
          others.push_back(own[i]);
      }
      at[c] += each;
    }
    out.push_back({.learned = data.part(learned), .others = data.part(others)});
  }
  return out;
}

struct Interval {
  double low = 0;
  double high = 1;
};

/// How often intervals held the truth, and how wide they were.
struct Coverage {
  std::size_t held = 0;
  std::size_t too_high = 0;
  std::size_t all = 0;
  double width = 0;

  void add(const Interval& interval, double truth) {
    constexpr double rounding = 1e-9;
    ++all;
    held += interval.low - rounding <= truth && truth <= interval.high + rounding ? 1 : 0;
    too_high += truth < interval.low - rounding ? 1 : 0;
    width += interval.high - interval.low;
  }
};

Interval wilson(double share, double n) {
  constexpr double z = 1.959964;
  const double center = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return {center - half, center + half};
}

/// The 0.975 quantile of Student's t.
double t_quantile(double degrees) {
  constexpr double z = 1.959964;
  return z + (std::pow(z, 3) + z) / (4 * degrees) +
         (5 * std::pow(z, 5) + 16 * std::pow(z, 3) + 3 * z) / (96 * degrees * degrees);
}

Interval around(double mean, double half) { return {mean - half, mean + half}; }

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double variance_of(std::span<const double> values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double x : values) sum += (x - mean) * (x - mean);
  return sum / static_cast<double>(values.size() - 1);
}

Interval bootstrap(const std::vector<double>& right) {
  SeededRandom random(3);
  std::vector<double> means;
  for (int i = 0; i < 1000; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < right.size(); ++k) sum += right[random.below(right.size())];
    means.push_back(sum / static_cast<double>(right.size()));
  }
  return {quantile(means, 0.025), quantile(means, 0.975)};
}

Interval nadeau_bengio(const std::vector<double>& shares_of_folds, std::size_t folds) {
  const auto n = static_cast<double>(shares_of_folds.size());
  const double variance = variance_of(shares_of_folds) * (1 / n + 1 / static_cast<double>(folds - 1));
  return around(mean_of(shares_of_folds), t_quantile(n - 1) * std::sqrt(variance));
}

/// Which of `rows` a head that was learned from `training` gets wrong.
std::vector<double> errors_of(const host::LearningTask& task, const Indices& training, const Indices& rows,
                              double l2) {
  const auto model = good(host::fit_logistic(host::rows_of(task.samples, training),
                                             host::entries_of(task.labels, training), task.classes, l2));
  const auto logits = host::logits_of(model, host::rows_of(task.samples, rows));
  std::vector<double> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = logits.row(i);
    const auto answer = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    out.push_back(answer == task.labels[rows[i]] ? 0 : 1);
  }
  return out;
}

/// Bates, Hastie and Tibshirani: the mean squared error of cross-validation, from cross-validation without
/// each fold in turn. L2 is that of the whole draw.
Interval bates(const host::LearningTask& task, double l2, std::size_t folds, double accuracy) {
  constexpr int times = 20;
  SeededRandom random(11);
  std::vector<double> inner_errors;
  double mse = 0;
  for (int time = 0; time < times; ++time) {
    const auto fold_of = host::draw_folds(task.labels, task.groups, task.classes, folds, random);
    for (std::size_t f = 0; f < folds; ++f) {
      std::vector<double> inner;
      for (std::size_t g = 0; g < folds; ++g) {
        if (g == f) continue;
        Indices training;
        for (std::size_t i = 0; i < fold_of.size(); ++i)
          if (fold_of[i] != f && fold_of[i] != g) training.push_back(i);
        const auto errors = errors_of(task, training, host::divide(fold_of, g).held_out, l2);
        inner.insert(inner.end(), errors.begin(), errors.end());
      }
      const auto division = host::divide(fold_of, f);
      const auto outer = errors_of(task, division.training, division.held_out, l2);
      const double difference = mean_of(inner) - mean_of(outer);
      mse += difference * difference - variance_of(outer) / static_cast<double>(outer.size());
      inner_errors.push_back(mean_of(inner));
    }
  }
  const auto k = static_cast<double>(folds);
  mse /= times * k;
  const double naive = std::sqrt(accuracy * (1 - accuracy) / static_cast<double>(task.labels.size()));
  const double deviation =
      std::clamp(std::sqrt(std::max(0.0, mse) * (k - 1) / k), naive, naive * std::sqrt(k));
  const double bias = (1 + (k - 2) / k) * (mean_of(inner_errors) - (1 - accuracy));
  return around(1 - (mean_of(inner_errors) - bias), 1.959964 * deviation);
}

struct Truth {
  double accuracy = 0;
  double balanced = 0;
};

/// Of a head that is learned from a whole draw, on the others.
Truth truth_of(const Draw& drawn, const host::Reduction& reduction, const host::Choice& choice) {
  auto model =
      good(host::fit_logistic(reduction.reduced(), drawn.learned.labels, drawn.learned.classes, choice.l2));
  model.weights = reduction.restore(model.weights);
  const auto logits = host::logits_of(model, drawn.others.samples);
  std::vector<double> right(drawn.learned.classes);
  std::vector<double> all(drawn.learned.classes);
  for (std::size_t i = 0; i < logits.rows; ++i) {
    const auto row = logits.row(i);
    const auto answer = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    const auto label = drawn.others.labels[i];
    ++all[label];
    right[label] += answer == label ? 1 : 0;
  }
  Truth out{.accuracy = std::accumulate(right.begin(), right.end(), 0.0) / static_cast<double>(logits.rows)};
  for (std::size_t c = 0; c < right.size(); ++c)
    out.balanced += right[c] / all[c] / static_cast<double>(right.size());
  return out;
}

void run_draws(std::size_t draws, std::size_t each, std::span<const std::string> arguments) {
  constexpr std::size_t folds = 5;
  constexpr std::size_t repeats = 5;
  std::map<std::string, Coverage> coverage;
  std::vector<double> estimates;
  std::vector<double> truths;
  const bool is_made = !arguments.empty() && arguments[0] == "made";
  std::vector<Draw> drawn;
  if (!is_made) drawn = draw(data_of(arguments), draws, each);
  for (std::size_t d = 0; d < draws; ++d) {
    const auto one = is_made ? draw(data_of(arguments, d + 1), 1, each).front() : drawn[d];
    const auto& data = one.learned;
    const host::Reduction reduction(data.samples);
    const auto groups = host::groups_of_one(data.labels.size());
    const host::LearningTask task{
        .samples = reduction.reduced(), .labels = data.labels, .groups = groups, .classes = data.classes};
    const auto choice = good(host::choose(task, host::usual_settings(task), 7, 0.9));
    const auto truth = truth_of(one, reduction, choice);
    const auto appraisal =
        good(host::appraise(data.samples, reduction.reduced(), data.labels, data.classes, {.seed = 7}));
    coverage["1 Sluice, accuracy"].add({appraisal.accuracy.low, appraisal.accuracy.high}, truth.accuracy);
    coverage["2 Sluice, balanced"].add({appraisal.balanced_accuracy.low, appraisal.balanced_accuracy.high},
                                       truth.balanced);
    estimates.push_back(appraisal.accuracy.value);
    truths.push_back(truth.accuracy);

    const auto validation = good(host::validate_nested(
        task, {.repeats = repeats, .folds = folds, .inner = {.inverse_l2 = {1, 10, 100, 1000}, .turns = 4}},
        7, 0.9, [](std::size_t, std::size_t) {}));
    std::vector<double> right(data.labels.size());
    std::vector<double> of_folds;
    for (const auto& held_out : validation.repeats)
      for (std::size_t f = 0; f < folds; ++f) {
        std::vector<double> own;
        for (const auto i : host::divide(held_out.fold, f).held_out) {
          own.push_back(held_out.predicted[i] == data.labels[i] ? 1 : 0);
          right[i] += own.back() / repeats;
        }
        if (!own.empty()) of_folds.push_back(mean_of(own));
      }
    const double accuracy = mean_of(right);
    const auto n = static_cast<double>(right.size());
    coverage["3 Wilson, n"].add(wilson(accuracy, n), truth.accuracy);
    coverage["4 Wilson, 0.7 n"].add(wilson(accuracy, 0.7 * n), truth.accuracy);
    coverage["5 bootstrap over examples"].add(bootstrap(right), truth.accuracy);
    coverage["6 Nadeau and Bengio"].add(nadeau_bengio(of_folds, folds), truth.accuracy);
    coverage["7 Bates, Hastie, Tibshirani"].add(bates(task, choice.l2, folds, accuracy), truth.accuracy);
  }
  fmt::print("draws {}, {} a class: estimate {:.3f}, truth {:.3f}\n", draws, each, mean_of(estimates),
             mean_of(truths));
  for (const auto& [name, own] : coverage)
    fmt::print("  {:28} held {:3} of {} ({:.3f}), above the truth {:2}, width {:.3f}\n", name, own.held,
               own.all, static_cast<double>(own.held) / static_cast<double>(own.all), own.too_high,
               own.width / static_cast<double>(own.all));
}

void run_mislabels(double share, std::span<const std::string> arguments) {
  constexpr std::size_t times = 10;
  std::size_t listed = 0;
  std::size_t found = 0;
  std::size_t suggested = 0;
  std::size_t changed_labels = 0;
  const auto data = data_of(arguments);
  const host::Reduction reduction(data.samples);
  for (std::size_t time = 0; time < times; ++time) {
    SeededRandom random(time);
    auto labels = data.labels;
    auto order = host::groups_of_one(labels.size());
    host::shuffle(order, random);
    order.resize(static_cast<std::size_t>(share * static_cast<double>(labels.size())));
    for (const auto i : order) labels[i] = (labels[i] + 1 + random.below(data.classes - 1)) % data.classes;
    const auto appraisal =
        good(host::appraise(data.samples, reduction.reduced(), labels, data.classes, {.seed = 7}));
    changed_labels += order.size();
    listed += appraisal.mislabels.size();
    for (const auto& mislabel : appraisal.mislabels) {
      const bool was_changed = labels[mislabel.sample] != data.labels[mislabel.sample];
      found += was_changed ? 1 : 0;
      suggested += was_changed && mislabel.suggested == data.labels[mislabel.sample] ? 1 : 0;
    }
  }
  fmt::print(
      "changed {}, listed {}, of them changed {} (precision {:.2f}, recall {:.2f}), right suggestion {}\n",
      changed_labels, listed, found, static_cast<double>(found) / static_cast<double>(listed),
      static_cast<double>(found) / static_cast<double>(changed_labels), suggested);
}

void run_duplicates(std::span<const std::string> arguments) {
  const auto data = data_of(arguments);
  struct Pair {
    double cosine;
    std::size_t first;
    std::size_t second;
  };
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < data.samples.rows; ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const auto a = data.samples.row(i);
      pairs.push_back({std::inner_product(a.begin(), a.end(), data.samples.row(j).begin(), 0.0), j, i});
    }
  std::ranges::sort(pairs, std::ranges::greater{}, &Pair::cosine);
  for (std::size_t i = 0; i < std::min<std::size_t>(pairs.size(), 12); ++i)
    fmt::print("{:.3f} {} {}\n", pairs[i].cosine, data.paths[pairs[i].first], data.paths[pairs[i].second]);
}

void run_time(std::span<const std::string> arguments) {
  const auto data = data_of(arguments);
  auto start = now();
  const auto lap = [&] {
    const auto end = now();
    return end - std::exchange(start, end);
  };
  const host::Reduction reduction(data.samples);
  const double reduced = lap();
  const auto groups = host::groups_of_one(data.labels.size());
  const host::LearningTask task{
      .samples = reduction.reduced(), .labels = data.labels, .groups = groups, .classes = data.classes};
  const auto choice = good(host::choose(task, host::usual_settings(task), 7, 0.9));
  const double chosen = lap();
  good(host::fit_logistic(task.samples, task.labels, task.classes, choice.l2));
  const double fitted = lap();
  const auto appraisal =
      good(host::appraise(data.samples, reduction.reduced(), data.labels, data.classes, {.seed = 7}));
  fmt::print(
      "{} x {}, {} classes: reduce {:.2f} s, choose {:.2f} s, fit {:.2f} s, appraise {:.2f} s; accuracy "
      "{:.3f}\n",
      data.samples.rows, data.samples.columns, data.classes, reduced, chosen, fitted, lap(),
      appraisal.accuracy.value);
}

int run(const std::vector<std::string>& arguments) {
  const std::span all(arguments);
  const auto is = [&](std::string_view name, std::size_t count) {
    return all.size() >= count && all.front() == name;
  };
  if (is("draws", 4))
    run_draws(std::stoul(all[1]), std::stoul(all[2]), all.subspan(3));
  else if (is("mislabels", 3))
    run_mislabels(std::stod(all[1]), all.subspan(2));
  else if (is("duplicates", 2))
    run_duplicates(all.subspan(1));
  else if (is("time", 2))
    run_time(all.subspan(1));
  else
    return 2;
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int count, char** values) {
  const int status = sluice::bench::run({values + 1, values + count});
  if (status != 0) fmt::print(stderr, "usage: see the head of appraisal_bench.cpp\n");
  return status;
}
