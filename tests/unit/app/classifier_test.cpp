#include "sluice/app/predict/classifier.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"

namespace {

using namespace sluice;
using app::Answer;
using app::Classifier;
using test::error_of;
using test::value_of;

/// A server with an endpoint of two classes that answers every request; `status_of` says how, from the number
/// of its pictures and its body.
class ScriptedBackend final : public app::Backend {
 public:
  std::function<int(std::size_t, const std::string&)> status_of = [](auto, const auto&) { return 200; };
  std::vector<std::size_t> asked;  ///< how many pictures each request had

  Result<ports::Response> request(app::BackendRequest request) override {
    if (request.method == "GET")
      return ports::Response{.body = R"({"name": "stamps", "parameters": {"classes": ["bird", "fish"]}})"};
    EXPECT_EQ(request.headers[1].first, "inference-header-content-length");
    const auto json =
        value_of(parse_json(request.body.substr(0, std::stoul(request.headers[1].second)), "request"));
    const auto& shape = *(*json.find("inputs")->if_list())[0].find("shape")->if_list();
    const auto count = static_cast<std::size_t>(*shape[0].if_integer());
    asked.push_back(count);
    if (const int status = status_of(count, request.body); status != 200)
      return ports::Response{.status = status, .body = R"({"error": "as the script says"})"};
    List labels, probabilities, rejected, errors;
    for (std::size_t i = 0; i < count; ++i) {
      labels.emplace_back("fish");
      probabilities.emplace_back(0.25);
      probabilities.emplace_back(0.75);
      rejected.emplace_back(false);
      errors.emplace_back("");
    }
    Struct response;
    response.set("model_version", "2");
    List outputs;
    for (auto& [name, data] : {std::pair{"label", &labels},
                               {"probability", &probabilities},
                               {"rejected", &rejected},
                               {"error", &errors}}) {
      Struct output;
      output.set("name", name);
      output.set("data", std::move(*data));
      outputs.emplace_back(std::move(output));
    }
    response.set("outputs", std::move(outputs));
    return ports::Response{.body = to_json(Value(std::move(response)))};
  }
  Result<ports::Response> stream(const app::StreamRequest&) override {
    return Fail(internal_error(Code::internal, "not asked for"));
  }
};

class Classifying : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) const {
    EXPECT_OK(os::write_file(folder.path() / name, content));
    return (folder.path() / name).string();
  }
  Result<std::vector<Answer>> ask_all(const std::vector<std::string>& files) {
    auto classifier = value_of(Classifier::make(backend, "stamps"));
    std::vector<Answer> all;
    for (std::span<const std::string> left = files; !left.empty();) {
      SLUICE_TRY(part, classifier.ask(left));
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }

  os::TemporaryDirectory folder = value_of(os::TemporaryDirectory::make_in_tmp());
  ScriptedBackend backend;
};

TEST_F(Classifying, AsksInPartsOfBoundedNumberAndSize) {
  const auto small = file("small", "x");
  const auto large = file("large", std::string(9 << 20, 'x'));
  std::vector<std::string> files(130, small);
  files.insert(files.end(), {large, large, small});
  const auto answers = value_of(ask_all(files));
  EXPECT_EQ(backend.asked, (std::vector<std::size_t>{64, 64, 3, 2}));
  ASSERT_EQ(answers.size(), files.size());
  EXPECT_EQ(answers[0].label, "fish");
  EXPECT_EQ(answers[0].probability(), 0.75);
  EXPECT_EQ(answers[132].version, "2");
}

TEST_F(Classifying, FilesThatCannotBeReadAreAnsweredWithTheReason) {
  const auto one = file("one", "x");
  const auto answers = value_of(ask_all({"missing", one, folder.path().string()}));
  EXPECT_EQ(backend.asked, std::vector<std::size_t>{1});
  EXPECT_EQ(answers[0].error->message, "cannot open missing: No such file or directory");
  EXPECT_FALSE(answers[1].error);
  EXPECT_EQ(answers[2].error->message, folder.path().string() + ": a folder, not a file");
}

TEST_F(Classifying, APictureThatEndsTheHostIsFoundByHalves) {
  backend.status_of = [](auto, const std::string& body) { return body.contains("deadly") ? 503 : 200; };
  std::vector<std::string> files(20, file("fine", "x"));
  files[13] = file("deadly", "deadly");
  const auto answers = value_of(ask_all(files));
  for (std::size_t i = 0; i < files.size(); ++i) EXPECT_EQ(answers[i].error.has_value(), i == 13) << i;
  EXPECT_EQ(answers[13].error->message, files[13] + ": as the script says");
  EXPECT_EQ(answers[13].error->blame, Blame::environment);
  EXPECT_LE(backend.asked.size(), 11U) << "halves, not one by one";
}

TEST_F(Classifying, APictureThatIsTooLargeForTheServerKeepsTheOthers) {
  backend.status_of = [](auto, const std::string& body) { return body.size() > 2000 ? 413 : 200; };
  const auto answers = value_of(ask_all({file("large", std::string(3000, 'x')), file("small", "x")}));
  EXPECT_EQ(answers[0].error->blame, Blame::user);
  EXPECT_FALSE(answers[1].error);
}

TEST_F(Classifying, AServerThatAnswersNothingIsGivenUp) {
  backend.status_of = [](auto, const auto&) { return 503; };
  const auto error = error_of(ask_all(std::vector<std::string>(500, file("fine", "x"))));
  EXPECT_EQ(error.message, "as the script says");
  EXPECT_LE(backend.asked.size(), 40U);
}

TEST_F(Classifying, ARequestThatIsRefusedEndsAll) {
  backend.status_of = [](auto, const auto&) { return 404; };
  EXPECT_EQ(error_of(ask_all(std::vector<std::string>(500, file("fine", "x")))).message,
            "as the script says");
  EXPECT_EQ(backend.asked.size(), 1U);
}

TEST_F(Classifying, ABusyServerIsAskedAgain) {
  int refusals = 2;
  backend.status_of = [&](auto, const auto&) { return refusals-- > 0 ? 429 : 200; };
  EXPECT_FALSE(value_of(ask_all({file("fine", "x")}))[0].error);
  EXPECT_EQ(backend.asked.size(), 3U);
}

}  // namespace
