#include "sluice/api/openinference/infer_response.hpp"

#include <gmock/gmock.h>

namespace sluice::api {
namespace {

using namespace std::string_literals;

serving::PredictResult answered() {
  serving::PredictResult out{
      .model = "stamps-model", .version = 3, .classes = {"bird", "fish"}, .predictions = {}};
  out.predictions.emplace_back(
      serving::Prediction{.label = "bird", .probabilities = {0.75, 0.25}, .rejected = false});
  out.predictions.emplace_back(
      serving::Prediction{.label = "fish", .probabilities = {0.5, 0.5}, .rejected = true});
  return out;
}

TEST(InferResponse, WritesJson) {
  const InferRequest request{
      .id = "7", .pictures = {}, .outputs = {{"label"}, {"probability"}, {"rejected"}}};
  const auto response = write_infer_response(request, "stamps", answered());
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->content_type, "application/json");
  EXPECT_TRUE(response->headers.empty());
  EXPECT_EQ(
      response->body,
      R"({"model_name":"stamps","model_version":"3","id":"7","outputs":[{"name":"label","datatype":"BYTES","shape":[2],"data":["bird","fish"]},)"
      R"({"name":"probability","datatype":"FP32","shape":[2,2],"data":[0.75,0.25,0.5,0.5]},)"
      R"({"name":"rejected","datatype":"BOOL","shape":[2],"data":[false,true]}]})");
}

TEST(InferResponse, WritesBinaryTensorsInTheRequestedOrder) {
  const InferRequest request{
      .id = {}, .pictures = {}, .outputs = {{"probability", true}, {"label", true}, {"rejected", true}}};
  const auto response = write_infer_response(request, "stamps", answered());
  ASSERT_TRUE(response);
  EXPECT_EQ(response->content_type, "application/octet-stream");
  const std::string json =
      R"({"model_name":"stamps","model_version":"3","outputs":[{"name":"probability","datatype":"FP32","shape":[2,2],"parameters":{"binary_data_size":16}},)"
      R"({"name":"label","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":16}},)"
      R"({"name":"rejected","datatype":"BOOL","shape":[2],"parameters":{"binary_data_size":2}}]})";
  EXPECT_EQ(response->headers, (std::vector<std::pair<std::string, std::string>>{
                                   {"Inference-Header-Content-Length", std::to_string(json.size())}}));
  EXPECT_EQ(response->body,
            json + "\0\0\x40\x3f\0\0\x80\x3e\0\0\0\x3f\0\0\0\x3f"s + "\4\0\0\0bird\4\0\0\0fish"s + "\0\1"s);
}

TEST(InferResponse, MixesTheTwo) {
  const InferRequest request{.id = {}, .pictures = {}, .outputs = {{"label", false}, {"rejected", true}}};
  const auto response = write_infer_response(request, "stamps", answered());
  ASSERT_TRUE(response);
  EXPECT_THAT(response->body, ::testing::EndsWith(R"("parameters":{"binary_data_size":2}}]})" + "\0\1"s));
  EXPECT_THAT(response->body, ::testing::HasSubstr(R"("data":["bird","fish"])"));
}

TEST(InferResponse, SaysWhyAPictureHasNoPredictionWhereThatIsRequested) {
  auto broken = answered();
  broken.predictions[0] =
      Fail(user_error(Code::invalid_argument, "cannot read picture: corrupt or truncated PNG"));
  InferRequest request{
      .id = {}, .pictures = {}, .outputs = {{"label"}, {"probability"}, {"rejected"}, {"error"}}};
  auto response = write_infer_response(request, "stamps", broken);
  ASSERT_TRUE(response);
  EXPECT_EQ(
      response->body,
      R"({"model_name":"stamps","model_version":"3","outputs":[{"name":"label","datatype":"BYTES","shape":[2],"data":["","fish"]},)"
      R"({"name":"probability","datatype":"FP32","shape":[2,2],"data":[0.0,0.0,0.5,0.5]},)"
      R"({"name":"rejected","datatype":"BOOL","shape":[2],"data":[false,true]},)"
      R"({"name":"error","datatype":"BYTES","shape":[2],"data":["cannot read picture: corrupt or truncated PNG",""]}]})");
  request.outputs = {{"error", true}};
  response = write_infer_response(request, "stamps", answered());
  ASSERT_TRUE(response);
  EXPECT_THAT(response->body, ::testing::EndsWith("\0\0\0\0\0\0\0\0"s));
}

TEST(InferResponse, NamesThePictureThatCannotBeRead) {
  auto broken = answered();
  broken.predictions[1] = Fail(user_error(Code::invalid_argument, "this is not a picture"));
  const InferRequest request{.id = {}, .pictures = {}, .outputs = {{"label"}}};
  const auto response = write_infer_response(request, "stamps", broken);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message, "image[1]: this is not a picture");
  EXPECT_EQ(response.error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace sluice::api
