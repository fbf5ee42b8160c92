#include "sluice/domain/tracking/moving.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/moving_traces.hpp"
#include "sluice/domain/tracking/traces.hpp"

namespace sluice::tracking {
namespace {

using ports::Lack;
using ports::MetricHistory;

/// So many reasons are kept.
constexpr std::size_t reasons_max = 1000;

/// As where metrics are logged, and in MLflow's own databases.
double finite(double value) {
  constexpr auto greatest = std::numeric_limits<double>::max();
  return std::isinf(value) ? std::copysign(greatest, value) : value;
}

class Mover {
 public:
  explicit Mover(const MovingParts& parts) : parts_(parts) {}

  Result<Moved> move() {
    SLUICE_DO(
        parts_.records.experiments([&](const auto& experiment) { return move_experiment(experiment); }));
    SLUICE_DO(parts_.records.registered([&](const auto& model) { return move_registered(model); }));
    for (auto& damaged : parts_.records.damaged()) pass_over(std::move(damaged));
    SLUICE_TRY(others, parts_.records.others());
    moved_.others = std::move(others);
    SLUICE_DO(parts_.to_records.finish());
    return std::move(moved_);
  }

 private:
  void pass_over(ports::Unmoved unmoved) {
    ++moved_.unmoved;
    if (moved_.reasons.size() < reasons_max) moved_.reasons.push_back(std::move(unmoved));
  }
  void pass_over(std::string what, const Error& why) {
    pass_over({.what = std::move(what), .why = why.message});
  }

  void tell_progress() const {
    if (parts_.progress) parts_.progress(moved_);
  }

  static void count(Moved::Count& count, bool is_new, bool changed) {
    ++count.seen;
    count.added += is_new ? 1 : 0;
    count.changed += changed && !is_new ? 1 : 0;
  }

  Result<void> move_experiment(const ports::Experiment& experiment) {
    SLUICE_TRY(put, parts_.to_records.put_experiment(experiment));
    count(moved_.experiments, put.lacked.all, put.lacked.any());
    SLUICE_DO(
        parts_.records.models(experiment, [&](const auto& model) { return move_model(model, put.id); }));
    SLUICE_DO(parts_.records.runs(experiment, [&](const auto& run) { return move_run(run, put.id); }));
    return parts_.records.traces(experiment, [&](const auto& trace) { return move_trace(trace, put.id); });
  }

  /// What was put of a record is there, by reading it.
  Result<void> check(const Lack& lack, std::string_view kind, const std::string& id) {
    if (!lack.any()) return {};
    return Fail(
        internal_error(Code::data_loss, fmt::format("{} {}: it is not there as it was put", kind, id)));
  }

  Result<void> move_run(ports::TrackedRun run, std::int64_t experiment) {
    const auto from = run.artifact_uri;
    const auto folder = fmt::format("{}/{}/artifacts", experiment, run.id);
    const auto source = run;
    run.experiment = experiment;
    run.artifact_uri = parts_.to_files.uri_of(folder);

    Lack lacked;
    bool is_taken_elsewhere = false;
    std::vector<MetricHistory> histories;
    std::size_t points = 0;
    const auto put = [&]() -> Result<void> {
      auto done = parts_.to_records.put_run(run, histories);
      if (!done && done.error().code == Code::already_exists) {
        is_taken_elsewhere = true;
        pass_over("run " + run.id, done.error());
      }
      if (!done) return Fail(std::move(done).error());
      lacked.all = lacked.all || done->all;
      lacked.fields = lacked.fields || done->fields;
      lacked.parameters += done->parameters;
      lacked.tags += done->tags;
      lacked.points += done->points;
      lacked.uses += done->uses;
      moved_.points.seen += static_cast<std::int64_t>(points);
      SLUICE_TRY(left, parts_.to_records.lack_of(run, histories));
      SLUICE_DO(check(left, "run", run.id));
      histories.clear();
      points = 0;
      return {};
    };
    auto done = parts_.records.histories(source, [&](MetricHistory history) -> Result<void> {
      for (auto& point : history.points) point.value = finite(point.value);
      points += history.points.size();
      histories.push_back(std::move(history));
      return points < ports::history_points_max ? Result<void>() : put();
    });
    if (done) done = put();
    if (is_taken_elsewhere) return {};
    SLUICE_DO(done);

    count(moved_.runs, lacked.all, lacked.any());
    moved_.points.added += lacked.points;
    moved_.parameters.seen += static_cast<std::int64_t>(run.parameters.size());
    moved_.parameters.added += lacked.parameters;
    moved_.tags.seen += static_cast<std::int64_t>(run.tags.size());
    moved_.tags.added += lacked.tags;
    moved_.uses.seen +=
        static_cast<std::int64_t>(run.datasets.size() + run.model_inputs.size() + run.model_outputs.size());
    moved_.uses.added += lacked.uses;
    SLUICE_DO(move_files(from, folder));
    tell_progress();
    return {};
  }

  Result<void> move_model(ports::LoggedModel model, std::int64_t experiment) {
    const auto from = model.artifact_location;
    const auto folder = fmt::format("{}/models/{}/artifacts", experiment, model.id);
    model.experiment = experiment;
    for (auto& metric : model.metrics) metric.metric.point.value = finite(metric.metric.point.value);
    model.artifact_location = parts_.to_files.uri_of(folder);
    auto lacked = parts_.to_records.put_model(model);
    if (!lacked && lacked.error().code == Code::already_exists) {
      pass_over("logged model " + model.id, lacked.error());
      return {};
    }
    if (!lacked) return Fail(std::move(lacked).error());
    SLUICE_TRY(left, parts_.to_records.lack_of(model));
    SLUICE_DO(check(left, "logged model", model.id));
    count(moved_.models, lacked->all, lacked->any());
    SLUICE_DO(move_files(from, folder));
    tell_progress();
    return {};
  }

  Result<void> move_trace(const ports::WholeTrace& whole, std::int64_t experiment) {
    auto trace = whole.trace;
    if (!whole.written.is_null())
      if (const auto added = add_written(whole.written, trace); !added) {
        pass_over("trace " + trace.id, added.error());
        return {};
      }
    const auto spans = spans_of(whole, trace);
    if (!spans) {
      pass_over("spans of trace " + trace.id, spans.error());
      return {};
    }
    keep_here(trace, experiment, !spans->empty());
    const auto lacked = parts_.to_traces.put(trace, *spans, whole.runs);
    if (!lacked && lacked.error().blame == Blame::user) {
      pass_over("trace " + trace.id, lacked.error());
      return {};
    }
    if (!lacked) return Fail(lacked.error());
    SLUICE_TRY(left, parts_.to_traces.lack_of(trace, *spans));
    SLUICE_DO(check(left, "trace", trace.id));
    count(moved_.traces, lacked->all, lacked->any());
    moved_.spans.seen += static_cast<std::int64_t>(spans->size());
    moved_.spans.added += lacked->spans;
    moved_.assessments.seen += static_cast<std::int64_t>(trace.assessments.size());
    moved_.assessments.added += lacked->assessments;
    moved_.tags.seen += static_cast<std::int64_t>(trace.tags.size() + trace.metadata.size());
    moved_.tags.added += lacked->tags;
    tell_progress();
    return {};
  }

  /// Those that the source gave, or those in the file.
  Result<std::vector<ports::TraceSpan>> spans_of(const ports::WholeTrace& whole, const ports::Trace& trace) {
    auto contents = whole.spans;
    const auto location = std::ranges::find(trace.tags, trace_location_tag, &ports::KeyValue::key);
    if (contents.empty() && location != trace.tags.end() && parts_.files.gives_files()) {
      SLUICE_TRY(read, spans_in_artifact(location->value));
      contents = std::move(read);
    }
    std::vector<ports::TraceSpan> spans;
    for (auto& content : contents) {
      SLUICE_TRY(span, span_in(std::move(content)));
      spans.push_back(std::move(span));
    }
    return spans;
  }

  Result<std::vector<std::string>> spans_in_artifact(const std::string& uri) {
    constexpr std::string_view file = "traces.json";
    bool is_there = false;
    SLUICE_DO(parts_.files.list(uri, [&](const ports::ArtifactSource::File& found) -> Result<void> {
      is_there = is_there || found.path == file;
      return {};
    }));
    if (!is_there) return std::vector<std::string>();
    constexpr std::size_t bytes_max = std::size_t{256} << 20;
    std::string text;
    SLUICE_DO(parts_.files.read(uri, std::string(file), [&](std::string_view bytes) -> Result<void> {
      text += bytes;
      if (text.size() <= bytes_max) return {};
      return Fail(user_error(Code::too_large, "its spans have more than 256 MiB"));
    }));
    return spans_in_file(text);
  }

  /// Where its files and its spans are, for clients.
  void keep_here(ports::Trace& trace, std::int64_t experiment, bool has_spans) const {
    const auto set = [](std::vector<ports::KeyValue>& pairs, std::string_view key, std::string value) {
      std::erase_if(pairs, [&](const auto& pair) { return pair.key == key; });
      if (!value.empty()) pairs.push_back({.key = std::string(key), .value = std::move(value)});
      std::ranges::sort(pairs, {}, &ports::KeyValue::key);
    };
    trace.experiment = experiment;
    set(trace.tags, trace_location_tag,
        parts_.to_files.uri_of(fmt::format("{}/traces/{}/artifacts", experiment, trace.id)));
    set(trace.tags, spans_location_tag, has_spans ? "TRACKING_STORE" : "");
    // What spans say of it counts for nothing any more.
    set(trace.metadata, "mlflow.trace.infoFinalized", "true");
  }

  Result<void> move_registered(const ports::RegisteredContent& content) {
    const auto files = [&](const ports::RegisteredVersion& version) { return files_of(version); };
    SLUICE_TRY(lacked, parts_.to_registry.put(content, files,
                                              [&](ports::Unmoved why) { pass_over(std::move(why)); }));
    SLUICE_TRY(left, parts_.to_registry.lack_of(content));
    SLUICE_DO(check(left, "model", content.model.name));
    count(moved_.registered_models, lacked.all, lacked.any());
    moved_.versions.seen += static_cast<std::int64_t>(content.versions.size());
    moved_.versions.added += lacked.versions;
    moved_.aliases.seen += static_cast<std::int64_t>(content.model.aliases.size());
    moved_.aliases.added += lacked.aliases;
    moved_.tags.added += lacked.tags;
    moved_.tags.seen += static_cast<std::int64_t>(content.model.tags.size());
    for (const auto& version : content.versions)
      moved_.tags.seen += static_cast<std::int64_t>(version.tags.size());
    tell_progress();
    return {};
  }

  /// The content of a version: of what was moved, if it is the files of a run or of a logged model; else
  /// taken from where the source has it.
  Result<ports::VersionFiles> files_of(const ports::RegisteredVersion& version) {
    const auto& elsewhere = version.storage.empty() ? version.source : version.storage;
    ports::VersionFiles out{.files = {}, .storage = elsewhere};
    if (is_prompt(version) || !parts_.files.gives_files()) return out;
    for (const auto& address : {version.storage, version.source}) {
      SLUICE_TRY(place, place_here(address));
      if (place.empty()) continue;
      SLUICE_TRY(files, parts_.to_files.files_at(place));
      for (auto& file : files)
        out.files.push_back({.path = std::move(file.path), .digest = file.digest, .size = file.size});
      if (out.files.empty()) continue;
      out.storage = place;
      return out;
    }
    const auto folder = fmt::format("models/{}/{}", percent_encode(version.model), version.number);
    SLUICE_TRY(is_reached, take_files(elsewhere, folder, out.files));
    if (!out.files.empty())
      out.storage = parts_.to_files.uri_of(folder);
    else if (is_reached)
      pass_over({.what = fmt::format("files of version {} of model {}", version.number, version.model),
                 .why = "there are none at " + elsewhere + "; the version is there without them"});
    return out;
  }

  /// Where the target has what the source has at this address of a run's or a logged model's files; "":
  /// nowhere.
  Result<std::string> place_here(const std::string& address) {
    constexpr std::string_view runs = "runs:/";
    constexpr std::string_view models = "models:/";
    const auto joined = [](std::string root, std::string_view path) {
      if (!root.empty() && !path.empty()) root.append("/").append(path);
      return root;
    };
    const auto id_and_path = [&](std::string_view text) {
      const auto slash = std::min(text.find('/'), text.size());
      return std::pair(std::string(text.substr(0, slash)), text.substr(std::min(slash + 1, text.size())));
    };
    if (address.starts_with(runs)) {
      const auto [id, path] = id_and_path(std::string_view(address).substr(runs.size()));
      SLUICE_TRY(root, parts_.to_records.files_of_run(id));
      return joined(std::move(root), path);
    }
    if (address.starts_with(models)) {
      const auto [id, path] = id_and_path(std::string_view(address).substr(models.size()));
      SLUICE_TRY(root, parts_.to_records.files_of_model(id));
      return joined(std::move(root), path);
    }
    // ".../RUN/artifacts/PATH", ".../models/MODEL/artifacts/PATH"
    constexpr std::string_view artifacts = "/artifacts";
    for (auto at = address.find(artifacts); at != std::string::npos; at = address.find(artifacts, at + 1)) {
      const auto rest = std::string_view(address).substr(at + artifacts.size());
      if (!rest.empty() && rest.front() != '/') continue;
      const auto id = address.substr(address.rfind('/', at - 1) + 1, at - address.rfind('/', at - 1) - 1);
      const auto path = rest.empty() ? rest : rest.substr(1);
      SLUICE_TRY(of_model, parts_.to_records.files_of_model(id));
      if (!of_model.empty()) return joined(std::move(of_model), path);
      SLUICE_TRY(of_run, parts_.to_records.files_of_run(id));
      if (!of_run.empty()) return joined(std::move(of_run), path);
    }
    return std::string();
  }

  static bool is_prompt(const ports::RegisteredVersion& version) {
    return std::ranges::any_of(version.tags,
                               [](const auto& tag) { return tag.key == "mlflow.prompt.is_prompt"; });
  }

  /// False: it cannot be reached, which is listed. An error is one of the target.
  Result<bool> take_files(const std::string& from, const std::string& folder,
                          std::vector<ports::TreeFile>& into) {
    std::optional<Error> ours;
    const auto listed = parts_.files.list(from, [&](const ports::ArtifactSource::File& file) -> Result<void> {
      bool is_theirs = false;
      auto put = parts_.to_files.put_content(
          folder + "/" + file.path, [&](const ports::Take<std::string_view>& take) -> Result<void> {
            bool taken = true;
            auto read = parts_.files.read(from, file.path, [&](std::string_view bytes) {
              auto done = take(bytes);
              taken = done.has_value();
              return done;
            });
            is_theirs = !read && taken;
            return read;
          });
      if (put) {
        into.push_back({.path = file.path, .digest = put->digest, .size = put->size});
        return {};
      }
      if (!is_theirs) ours = put.error();
      return Fail(std::move(put).error());
    });
    if (ours) return Fail(std::move(*ours));
    if (listed) return true;
    // All of it, or nothing: a model that lacks a file is none.
    into.clear();
    pass_over(from, listed.error());
    return false;
  }

  Result<void> move_files(const std::string& from, const std::string& folder) {
    std::optional<Error> ours;  // an error of the target, not of the source
    const auto listed = parts_.files.list(from, [&](const ports::ArtifactSource::File& file) -> Result<void> {
      auto done = move_file(from, folder, file);
      if (done) return {};
      ours = done.error();
      return done;
    });
    if (ours) return Fail(std::move(*ours));
    if (!listed) pass_over(from, listed.error());
    return {};
  }

  /// An error is one of the target.
  Result<void> move_file(const std::string& from, const std::string& folder,
                         const ports::ArtifactSource::File& file) {
    const auto path = folder + "/" + file.path;
    const auto what = from + (from.ends_with('/') ? "" : "/") + file.path;
    auto found = parts_.to_files.find(path);
    // A name that the target refuses is passed over; a disk that is full ends it.
    const auto passed_over = [&](const Error& error) {
      const bool passes = error.blame == Blame::user;
      if (passes) pass_over(what, error);
      return passes;
    };
    if (!found) return passed_over(found.error()) ? Result<void>() : Fail(std::move(found).error());
    if (*found) {
      const auto same = parts_.files.is_still(from, file, **found);
      if (!same) {
        pass_over(what, same.error());
        return {};
      }
      if (*same) {
        count(moved_.files, false, false);
        return {};
      }
    }
    std::optional<Error> theirs;
    auto put = parts_.to_files.put(path, [&](const ports::Take<std::string_view>& take) -> Result<void> {
      bool taken = true;
      auto read = parts_.files.read(from, file.path, [&](std::string_view bytes) {
        auto done = take(bytes);
        taken = done.has_value();
        return done;
      });
      if (!read && taken) theirs = read.error();
      return read;
    });
    if (theirs) {
      pass_over(what, *theirs);
      return {};
    }
    if (!put) return passed_over(put.error()) ? Result<void>() : Fail(std::move(put).error());
    SLUICE_TRY(stored, parts_.to_files.find(path));
    if (!stored || stored->digest != put->digest || stored->size != put->size)
      return Fail(internal_error(Code::data_loss, path + ": it is not there as it was put"));
    count(moved_.files, !found->has_value(), true);
    moved_.bytes += put->size;
    return {};
  }

  const MovingParts& parts_;
  Moved moved_;
};

}  // namespace

Result<Moved> move_tracking(const MovingParts& parts) { return Mover(parts).move(); }

}  // namespace sluice::tracking
