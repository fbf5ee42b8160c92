// An end-to-end test: HostedRuntime starts the real sluice-host, which loads the built-in base model
// (build/models), embeds pictures of ten classes (Debian's tuxpaint-stamps-default), learns a head, loads it,
// and predicts.
#include <algorithm>
#include <csignal>
#include <cstring>
#include <future>
#include <map>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "npy.hpp"
#include "pictures.hpp"
#include "places.hpp"
#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/process.hpp"
#include "sluice/os/tree.hpp"
#include "sluice/runtimes/hosted/hosted_runtime.hpp"

namespace sluice::runtimes {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::vector<std::pair<std::string, std::string>> stamps = {
    {"bird", "animals/birds"},     {"fish", "animals/fish"},    {"flower", "plants/flowers"},
    {"fruit", "food/fruit"},       {"clothes", "clothes"},      {"insect", "animals/insects"},
    {"mammal", "animals/mammals"}, {"tool", "household/tools"}, {"vegetable", "food/vegetables"},
    {"vehicle", "vehicles"}};
constexpr std::size_t learned = 4;
constexpr std::size_t held_out = 3;
const std::string base_digest(64, 'b');

Result<ports::HostResponse> call_for_bytes(ports::ModelHost& host, const std::string& method, Value params,
                                           std::string payload = {}) {
  std::promise<Result<ports::HostResponse>> promise;
  auto answer = promise.get_future();
  host.call(method, std::move(params), std::move(payload),
            [&](Result<ports::HostResponse> reply) { promise.set_value(std::move(reply)); });
  return answer.get();
}

Result<Value> call(ports::ModelHost& host, const std::string& method, Value params,
                   std::string payload = {}) {
  auto reply = call_for_bytes(host, method, std::move(params), std::move(payload));
  if (!reply) return Fail(std::move(reply).error());
  return reply->result;
}

Struct params(std::initializer_list<std::pair<const char*, Value>> fields) {
  Struct out;
  for (const auto& [key, value] : fields) out.set(key, value);
  return out;
}

void run(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program);
  auto process = os::spawn({.program = os::find_program(program, "/usr/bin:/bin").value(),
                            .argv = arguments,
                            .cwd = {},
                            .fds = {}});
  ASSERT_OK(process);
  ASSERT_TRUE(process->wait()->succeeded()) << fmt::format("{}", fmt::join(arguments, " "));
}

/// Materializes the built-in base model as the server would.
void materialize_base(const fs::path& folder) {
  const std::string repository = test::source("build/models/efficientnet-lite0.git");
  ASSERT_TRUE(fs::exists(repository)) << repository << " is missing: ./dev test makes it";
  const auto archive = (folder.parent_path() / "base.tar").string();
  run("git", {"--git-dir=" + repository, "archive", "--output=" + archive, "main"});
  ASSERT_OK(os::make_directories(folder));
  run("tar", {"-xf", archive, "-C", folder.string()});
  // Its network is in git-lfs: a pointer ("oid sha256:…") to an object, unless git-lfs is installed and has
  // replaced it.
  const auto network = os::read_file(folder / "model.onnx").value();
  const auto at = network.find("oid sha256:");
  if (!network.starts_with("version https://git-lfs") || at == std::string::npos) return;
  const auto digest = network.substr(at + 11, 64);
  fs::copy_file(fs::path(repository) / "lfs/objects" / digest.substr(0, 2) / digest.substr(2, 2) / digest,
                folder / "model.onnx", fs::copy_options::overwrite_existing);
}

/// Copies a few stamps of each class.
void collect_stamps(const fs::path& folder) {
  for (const auto& [label, source] : stamps) {
    const fs::path root = fs::path("/usr/share/tuxpaint/stamps") / source;
    ASSERT_TRUE(fs::exists(root)) << root << " is missing: ./dev test installs tuxpaint-stamps-default";
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(root))
      if (entry.path().extension() == ".png" && entry.path().string().find("cartoon") == std::string::npos)
        files.push_back(entry.path());
    std::ranges::sort(files);
    ASSERT_GE(files.size(), learned + held_out) << label;
    fs::create_directories(folder / label);
    // Spread over the list: neighbors often show the same thing.
    for (std::size_t i = 0; i < learned + held_out; ++i)
      fs::copy_file(files[i * files.size() / (learned + held_out)],
                    folder / label / fmt::format("{}.png", i));
  }
}

/// The paths of the files below a folder, sorted.
std::vector<std::string> pictures_below(const fs::path& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) paths.push_back(entry.path().lexically_relative(folder).string());
  std::ranges::sort(paths);
  return paths;
}

Value split_of_stamps() {
  List in;
  List out;
  List labels;
  for (const auto& [label, source] : stamps) {
    labels.emplace_back(label);
    for (std::size_t i = 0; i < learned + held_out; ++i)
      (i < learned ? in : out)
          .emplace_back(params({{"path", fmt::format("{}/{}.png", label, i)}, {"label", label}}));
  }
  return params({{"seed", 1}, {"classes", labels}, {"learned", in}, {"held_out", out}});
}

/// One folder and one host with base and head, set up once for all tests below.
class Hosted : public testing::Test {
 protected:
  struct World {
    os::TemporaryDirectory folder =
        os::TemporaryDirectory::make(fs::temp_directory_path(), "hosted-").value();
    HostedRuntime runtime{test::sanitized_host()};
    std::shared_ptr<ports::ModelHost> host;
    Value learned;
    std::map<std::string, std::string> made;  ///< the files of the head that was learned
  };

  static void SetUpTestSuite() {
    world_ = std::make_unique<World>();
    materialize_base(path("base"));
    collect_stamps(path("stamps"));
    ASSERT_OK(os::make_directories(path("compiled")));
    world_->host = start();
    const auto paths = pictures_below(path("stamps"));
    const auto embedded = embed(path("stamps"), paths);
    ASSERT_OK(embedded);
    ASSERT_EQ(embedded->payload.size(), stamps.size() * (learned + held_out) * 1280 * sizeof(float));
    std::vector<float> values(embedded->payload.size() / sizeof(float));
    std::memcpy(values.data(), embedded->payload.data(), embedded->payload.size());
    const std::map<std::string, std::string> inputs = {
        {"features.npy", test::to_npy(values, paths.size(), 1280)},
        {"index.json", test::to_index(paths)},
        {"split.json", to_json(split_of_stamps())}};
    Struct sizes;
    sizes.set("learning", "one");
    for (const auto& [name, bytes] : inputs) sizes.set(name, static_cast<std::int64_t>(bytes.size()));
    ASSERT_OK(call(*world_->host, "begin_learning", std::move(sizes)));
    for (const auto& [name, bytes] : inputs) add_input(name, bytes);
    const auto summary = call(*world_->host, "learn_head", learn_params());
    ASSERT_OK(summary);
    world_->learned = *summary->find("summary");
    for (const std::string name : {"model.json", "head.onnx", "predictions.json"}) {
      const auto bytes = call_for_bytes(*world_->host, "read_output",
                                        params({{"learning", "one"}, {"name", name}, {"offset", 0}}));
      ASSERT_OK(bytes);
      EXPECT_EQ(summary->integer_at(name), static_cast<std::int64_t>(bytes->payload.size()));
      world_->made[name] = bytes->payload;
    }
    ASSERT_OK(call(*world_->host, "end_learning", params({{"learning", "one"}})));
    ASSERT_OK(load_head("head-1", base_digest));
  }
  static void TearDownTestSuite() { world_.reset(); }

  static Result<ports::HostResponse> embed(const fs::path& folder, const std::vector<std::string>& paths) {
    List sizes;
    std::string payload;
    for (const auto& path : paths) {
      const auto bytes = os::read_file(folder / path).value();
      sizes.emplace_back(static_cast<std::int64_t>(bytes.size()));
      payload += bytes;
    }
    return call_for_bytes(*world_->host, "embed_pictures", params({{"base", base_digest}, {"sizes", sizes}}),
                          payload);
  }
  /// In two pieces, as a long one arrives.
  static void add_input(const std::string& name, const std::string& bytes) {
    for (const auto& piece : {bytes.substr(0, 100), bytes.substr(100)})
      ASSERT_OK(call(*world_->host, "add_input", params({{"learning", "one"}, {"name", name}}), piece));
  }
  static Result<Value> load_head(const std::string& name, const std::string& base) {
    const auto& description = world_->made["model.json"];
    return call(*world_->host, "load_head",
                params({{"head", name},
                        {"base", base},
                        {"description_bytes", static_cast<std::int64_t>(description.size())}}),
                description + world_->made["head.onnx"]);
  }

  static fs::path path(const std::string& name) { return world_->folder.path() / name; }
  static Value learn_params() {
    return params(
        {{"learning", "one"},
         {"seed", 7},
         {"base", params({{"repository", "efficientnet-lite0"},
                          {"commit", std::string(40, 'c')},
                          {"digest", base_digest},
                          {"tap", "features"}})},
         {"preprocessing", parse_json(os::read_file(path("base/preprocessing.json")).value()).value()},
         {"keep", 0.9}});
  }
  static ports::HostFolders folders() {
    const auto scratch = path("scratch");
    EXPECT_OK(os::make_directories(scratch));
    return {.base = path("base"), .compiled = path("compiled"), .scratch = scratch};
  }
  static std::shared_ptr<ports::ModelHost> start() {
    auto host = world_->runtime.start_host(folders());
    EXPECT_OK(host);
    const auto base = call(**host, "load_base", params({{"base", base_digest}}));
    EXPECT_OK(base);
    return *host;
  }
  static std::string picture(const std::string& name) { return os::read_file(path("stamps") / name).value(); }
  static Result<Value> predict(const std::vector<std::string>& pictures) {
    List sizes;
    std::string payload;
    for (const auto& bytes : pictures) {
      sizes.emplace_back(static_cast<std::int64_t>(bytes.size()));
      payload += bytes;
    }
    return call(*world_->host, "predict", params({{"head", "head-1"}, {"sizes", sizes}}), payload);
  }

  static std::unique_ptr<World> world_;
};
std::unique_ptr<Hosted::World> Hosted::world_;

TEST_F(Hosted, DescribesItself) {
  const auto hello = call(*world_->host, "hello", Struct{});
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->integer_at("pid"), world_->host->pid());
  EXPECT_THAT(hello->text_at("runtime"), HasSubstr("openvino 2026"));
  EXPECT_THAT(hello->text_at("instruction_set"), testing::AnyOf("amx", "avx512", "avx2", "sse4"));
  EXPECT_FALSE(world_->host->died());
}

TEST_F(Hosted, LearnsTenClassesFromAFewPicturesEach) {
  EXPECT_EQ(world_->learned.integer_at("learned"), 40);
  EXPECT_EQ(world_->learned.integer_at("held_out"), 30);
  const auto predictions = parse_json(world_->made["predictions.json"]).value();
  std::size_t right = 0;
  for (const auto& entry : *predictions.find("predictions")->if_list())
    right += entry.text_at("label") == entry.text_at("predicted") ? 1 : 0;
  EXPECT_GE(right, 18U) << "of 30; chance would be 3";
  EXPECT_LT(world_->made["head.onnx"].size(), 100'000U);
}

TEST_F(Hosted, PredictsAsTheHeldOutMeasurementDid) {
  const auto predictions = parse_json(world_->made["predictions.json"]).value();
  const auto& expected = *predictions.find("predictions")->if_list();
  std::vector<std::string> pictures;
  for (const auto& entry : expected) pictures.push_back(picture(entry.text_at("path")));
  const auto answer = predict(pictures);
  ASSERT_OK(answer);
  const auto& got = *answer->find("predictions")->if_list();
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].text_at("label"), expected[i].text_at("predicted"));
    EXPECT_EQ(got[i].boolean_at("rejected"), expected[i].boolean_at("rejected"));
    const auto& probabilities = *got[i].find("probabilities")->if_list();
    for (std::size_t c = 0; c < probabilities.size(); ++c)
      EXPECT_NEAR(*probabilities[c].as_double(),
                  *(*expected[i].find("probabilities")->if_list())[c].as_double(), 1e-4);
  }
}

TEST_F(Hosted, OneBadPictureHarmsNoOther) {
  const auto answer = predict({picture("bird/0.png"), "this is not a picture",
                               picture("fish/0.png").substr(0, 900), picture("tool/0.png")});
  ASSERT_OK(answer);
  const auto& got = *answer->find("predictions")->if_list();
  ASSERT_EQ(got.size(), 4U);
  EXPECT_FALSE(got[0].text_at("label").empty());
  EXPECT_EQ(got[1].find("error")->text_at("message"),
            fmt::format("cannot read picture: it is not {}", host::media::readable_formats));
  EXPECT_THAT(got[2].find("error")->text_at("message"), HasSubstr("corrupt or truncated PNG"));
  EXPECT_EQ(got[2].find("error")->text_at("blame"), "user");
  EXPECT_FALSE(got[3].text_at("label").empty());
}

TEST_F(Hosted, ATurnedPictureIsClassifiedAsTheUprightOne) {
  const auto of_case = [](const std::string& name) {
    return test::content("tests/unit/host/data/cases/" + name);
  };
  const auto answer = predict({of_case("upright.png"), of_case("orientation6.png"), of_case("bmp.bmp"),
                               of_case("upright.jpg"), of_case("orientation6.jpg"), of_case("browser.jfif"),
                               of_case("no-end-marker.jpg")});
  ASSERT_OK(answer);
  const auto& got = *answer->find("predictions")->if_list();
  EXPECT_EQ(got[1], got[0]);
  EXPECT_EQ(got[2], got[0]);
  EXPECT_EQ(got[5], got[3]);
  EXPECT_EQ(got[6], got[3]);
  // The blocks of a JPEG do not turn with the picture, so its pixels differ a little.
  EXPECT_EQ(got[4].text_at("label"), got[3].text_at("label"));
  const auto& turned = *got[4].find("probabilities")->if_list();
  const auto& upright = *got[3].find("probabilities")->if_list();
  double distance = 0;
  for (std::size_t i = 0; i < upright.size(); ++i)
    distance += std::abs(*turned[i].as_double() - *upright[i].as_double());
  EXPECT_LE(distance, 0.25);
}

TEST_F(Hosted, ManyRequestsAreInFlightAtOnce) {
  const auto bytes = picture("bird/1.png");
  const auto alone = predict({bytes}).value();
  constexpr int requests = 40;
  std::atomic<int> same = 0;
  std::atomic<int> answered = 0;
  std::promise<void> all;
  for (int i = 0; i < requests; ++i) {
    world_->host->call("predict",
                       params({{"head", "head-1"}, {"sizes", List{static_cast<std::int64_t>(bytes.size())}}}),
                       bytes, [&](Result<ports::HostResponse> reply) {
                         same += reply && reply->result == alone ? 1 : 0;
                         if (++answered == requests) all.set_value();
                       });
  }
  all.get_future().wait();
  EXPECT_EQ(same, requests);
}

TEST_F(Hosted, ADamagedCompiledNetworkIsCompiledAgain) {
  fs::path blob;
  for (const auto& entry : fs::directory_iterator(path("compiled"))) blob = entry.path();
  ASSERT_EQ(blob.extension(), ".blob");
  const auto whole = os::read_file(blob).value();
  for (const auto& damaged : {std::string(), std::string("no network"), whole.substr(0, whole.size() / 2)}) {
    ASSERT_OK(os::remove_tree(blob));
    ASSERT_OK(os::write_file(blob, damaged));
    EXPECT_TRUE(start());
    EXPECT_EQ(os::read_file(blob).value().size(), whole.size());
  }
}

TEST_F(Hosted, AHostKeepsNoHandOnWhatItCompiled) {
  EXPECT_FALSE(fs::exists(path("scratch"))) << "it is gone once the base is loaded";
  for (const auto& entry : fs::directory_iterator(path("compiled")))
    EXPECT_EQ(fs::status(entry.path()).permissions(), fs::perms::owner_read);
}

TEST_F(Hosted, RefusesWhatIsNotLoadedOrNotKnown) {
  const auto message = [&](const std::string& method, Value with) {
    return call(*world_->host, method, std::move(with)).error().message;
  };
  EXPECT_EQ(message("predict", params({{"head", "head-2"}})),
            "head head-2 is not loaded in this host; call load_head first");
  EXPECT_EQ(message("predict", params({{"head", "head-1"}})),
            "param `sizes` must be a list of the sizes of the pictures in bytes");
  EXPECT_EQ(message("predict", params({{"head", "head-1"}, {"sizes", List{5}}})),
            "param `sizes` does not match the payload");
  EXPECT_EQ(message("embed_pictures", params({{"base", "x"}})),
            "base x is not loaded in this host; call load_base first");
  EXPECT_EQ(message("learn_head", learn_params()), "unknown learning `one`");
  EXPECT_EQ(message("add_input", params({{"learning", "two"}, {"name", "x"}})), "unknown learning `two`");
  const auto sizes = [](std::int64_t table) {
    return params({{"learning", "two"}, {"features.npy", table}, {"index.json", 2}, {"split.json", 2}});
  };
  EXPECT_EQ(message("begin_learning", params({{"learning", "two"}})),
            "param `features.npy`: must be its size in bytes");
  EXPECT_THAT(
      message("begin_learning", sizes(std::int64_t{1} << 38)),
      testing::StartsWith("learning from 275 GB of features takes about 2.2 TB of memory, and a model "
                          "host may use "));
  ASSERT_OK(call(*world_->host, "begin_learning", sizes(2)));
  EXPECT_EQ(message("add_input", params({{"learning", "two"}, {"name", "x"}})), "unknown input `x`");
  EXPECT_EQ(call(*world_->host, "add_input", params({{"learning", "two"}, {"name", "features.npy"}}), "xyz")
                .error()
                .message,
            "features.npy: over the 2 bytes that were announced");
  ASSERT_OK(call(*world_->host, "end_learning", params({{"learning", "two"}})));
  EXPECT_EQ(message("read_output", params({{"learning", "two"}, {"name", "x"}})), "unknown learning `two`");
  EXPECT_EQ(message("load_head", params({{"head", "x"}, {"base", base_digest}, {"description_bytes", 1}})),
            "param `description_bytes` does not match the payload");
  EXPECT_EQ(message("pedict", Struct{}), "unknown method `pedict`; did you mean `predict`?");
  EXPECT_EQ(message("load_base", Struct{}), "param `base` must be a string");
  EXPECT_THAT(message("load_base", params({{"base", "other"}, {"tap", "feature"}})),
              HasSubstr("model.json: no tap `feature`; it has features, prob; did you mean `features`?"));
}

TEST_F(Hosted, AHeadOfAnotherBaseIsRefused) {
  ASSERT_TRUE(call(*world_->host, "load_base", params({{"base", "other"}})));
  const auto loaded = load_head("head-3", "other");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::failed_precondition);
  EXPECT_EQ(loaded.error().message, "model.json: the head was made for base " + base_digest +
                                        ", but the loaded base has other; load the base that it names");
}

TEST_F(Hosted, HeadsAreLoadedAndUnloaded) {
  ASSERT_TRUE(load_head("again", base_digest));
  EXPECT_OK(call(*world_->host, "try_head", params({{"head", "again"}})));
  ASSERT_TRUE(call(*world_->host, "unload_head", params({{"head", "again"}})));
  EXPECT_THAT(call(*world_->host, "predict", params({{"head", "again"}})).error().message,
              HasSubstr("is not loaded"));
  EXPECT_TRUE(call(*world_->host, "unload_head", params({{"head", "again"}})));
}

TEST_F(Hosted, UnreadablePicturesHaveNoFeatures) {
  const auto folder = path("broken");
  ASSERT_OK(os::make_directories(folder));
  fs::copy_file(path("stamps") / "bird/0.png", folder / "a.png");
  ASSERT_OK(os::write_file(folder / "b.png", "oh"));
  ASSERT_OK(os::write_file(folder / "c.png", ""));
  const auto embedded = embed(folder, {"a.png", "b.png", "c.png"});
  ASSERT_OK(embedded);
  EXPECT_EQ(embedded->payload.size(), 1280 * sizeof(float));
  const auto& pictures = *embedded->result.find("pictures")->if_list();
  EXPECT_EQ(pictures[0], Value(Struct{}));
  EXPECT_EQ(pictures[1].find("error")->text_at("message"),
            fmt::format("cannot read picture: it is not {}", host::media::readable_formats));
  EXPECT_EQ(pictures[2].find("error")->text_at("message"), "cannot read picture: it is empty");
}

TEST_F(Hosted, EveryFormatIsEmbedded) {
  const auto folder = path("formats");
  const auto quarters = test::quarters(96, 96);
  ASSERT_OK(os::make_directories(folder / "deep"));
  ASSERT_OK(os::write_file(folder / "a.png", test::to_png(quarters)));
  ASSERT_OK(os::write_file(folder / "b.jpg", test::to_jpeg(quarters)));
  ASSERT_OK(os::write_file(folder / "c.webp", test::to_webp(quarters)));
  ASSERT_OK(os::write_file(folder / "deep" / "d.TIFF", test::to_tiff(quarters, 16)));
  ASSERT_OK(os::write_file(folder / "deep" / "no_extension", test::to_png(quarters)));
  for (const auto& [name, file] : {std::pair{"e.bmp", "bmp/rle8.bmp"},
                                   {"f.jfif", "cases/browser.jfif"},
                                   {"g.jpe", "cases/browser.jfif"},
                                   {"h.heic", "heif/orientation6.heic"},
                                   {"i", "heif/orientation6.avif"},
                                   {"j.jpg", "cases/orientation6.png"},
                                   {"k.txt", "bmp/24-bits.bmp"}})
    ASSERT_OK(os::write_file(folder / name, test::content(fmt::format("tests/unit/host/data/{}", file))));
  const auto paths = pictures_below(folder);
  const auto embedded = embed(folder, paths);
  ASSERT_OK(embedded);
  EXPECT_EQ(embedded->payload.size(), paths.size() * 1280 * sizeof(float)) << to_json(embedded->result);
}

TEST_F(Hosted, ADyingHostFailsItsCallsWithTheReason) {
  const auto host = start();
  std::promise<Result<ports::HostResponse>> promise;
  ASSERT_EQ(::kill(host->pid(), SIGSTOP), 0);  // so that it dies during the request
  host->call("hello", Struct{}, {},
             [&](Result<ports::HostResponse> reply) { promise.set_value(std::move(reply)); });
  ASSERT_EQ(::kill(host->pid(), SIGKILL), 0);
  const auto reply = promise.get_future().get();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::unavailable);
  EXPECT_EQ(reply.error().blame, Blame::environment);
  EXPECT_EQ(reply.error().message,
            "the model host ended (signal 9) before it answered `hello`; retry, and a new host is started");
  EXPECT_TRUE(host->died());
  EXPECT_EQ(call(*host, "hello", Struct{}).error().code, Code::unavailable);
}

TEST_F(Hosted, AHostThatHangsIsKilled) {
  HostedRuntime impatient(test::sanitized_host(), std::chrono::milliseconds(300));
  const auto host = test::value_of(impatient.start_host({}));
  ASSERT_OK(call(*host, "hello", Struct{}));
  ASSERT_EQ(::kill(host->pid(), SIGSTOP), 0);
  const auto reply = call(*host, "hello", Struct{});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::unavailable);
  EXPECT_TRUE(host->died());
}

TEST_F(Hosted, AHostEndsWithItsLastOwner) {
  auto host = start();
  const int pid = host->pid();
  ASSERT_TRUE(os::process_info(pid));
  host.reset();
  EXPECT_FALSE(os::process_info(pid));
}

TEST_F(Hosted, AResponseMayReleaseTheHost) {
  auto host = start();
  std::promise<void> done;
  auto* raw = host.get();
  raw->call("hello", Struct{}, {}, [&, owner = std::move(host)](Result<ports::HostResponse>) mutable {
    owner.reset();
    done.set_value();
  });
  done.get_future().wait();
}

TEST(HostedRuntime, AMissingProgramIsNamed) {
  HostedRuntime runtime("/nowhere/sluice-host");
  const auto host = runtime.start_host({});
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().message,
            "/nowhere/sluice-host: no such program; it runs models and is installed beside sluice");
  EXPECT_EQ(runtime.name(), "openvino");
}

}  // namespace
}  // namespace sluice::runtimes
