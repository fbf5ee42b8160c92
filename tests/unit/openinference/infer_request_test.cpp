#include "sluice/api/openinference/infer_request.hpp"

#include <gmock/gmock.h>

#include "result_assertions.hpp"

namespace sluice::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::string_literals;

InferRequest read(const std::string& json, const std::string& tail = "") {
  return test::value_of(read_infer_request(json + tail, tail.empty() ? "" : std::to_string(json.size())));
}

std::string refusal(const std::string& json, const std::string& tail = "") {
  return test::message_of(read_infer_request(json + tail, tail.empty() ? "" : std::to_string(json.size())));
}

/// A request whose only input has these fields after its name.
std::string with_input(const std::string& fields, const std::string& rest = "") {
  return R"({"inputs": [{"name": "image", )" + fields + "}]" + rest + "}";
}

const std::string base64_input =
    R"("datatype": "BYTES", "shape": [2], "parameters": {"content_type": "base64"}, "data": ["AAEC", "/w=="])";

TEST(InferRequest, TakesBase64) {
  const auto request = read(with_input(base64_input, R"(, "id": "7")"));
  EXPECT_THAT(request.pictures, ElementsAre("\0\1\2"s, "\xff"s));
  EXPECT_EQ(request.id, "7");
  ASSERT_EQ(request.outputs.size(), 3U);
  EXPECT_EQ(request.outputs[1].name, "probability");
  EXPECT_FALSE(request.outputs[1].binary);
  EXPECT_FALSE(read(with_input(base64_input)).id);
}

TEST(InferRequest, TakesTheContentTypeOfTheWholeRequest) {
  const auto request = read(with_input(R"("datatype": "BYTES", "shape": [1], "data": ["AAEC"])",
                                       R"(, "parameters": {"content_type": "base64"})"));
  EXPECT_THAT(request.pictures, ElementsAre("\0\1\2"s));
}

TEST(InferRequest, TakesBinaryTensors) {
  const std::string tail = "\3\0\0\0abc\0\0\0\0"s;
  const std::string json = with_input(
      R"("datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 11})",
      R"(, "parameters": {"binary_data_output": true}, "outputs": [{"name": "rejected"}, {"name": "label", "parameters": {"binary_data": false}}])");
  const auto request = read(json, tail);
  EXPECT_THAT(request.pictures, ElementsAre("abc", ""));
  ASSERT_EQ(request.outputs.size(), 2U);
  EXPECT_EQ(request.outputs[0].name, "rejected");
  EXPECT_TRUE(request.outputs[0].binary);
  EXPECT_FALSE(request.outputs[1].binary);
}

TEST(InferRequest, TakesOnePictureAsTheWholeBody) {
  const auto request = read_infer_request("\x89PNG", "0");
  ASSERT_TRUE(request);
  EXPECT_THAT(request->pictures, ElementsAre("\x89PNG"));
  EXPECT_EQ(request->outputs.size(), 3U);
  EXPECT_TRUE(request->outputs[0].binary);
}

TEST(InferRequest, TextIsNotAPictureAndTheMessageSaysHowToSendOne) {
  EXPECT_EQ(
      refusal(with_input(R"("datatype": "BYTES", "shape": [1], "data": ["AAEC"])")),
      "input `image` is plain text, which cannot hold a picture; base64-encode each picture and set "
      "\"parameters\": "
      "{\"content_type\": \"base64\"} on the input, or send the bytes with the binary tensor extension");
  EXPECT_THAT(
      refusal(with_input(
          R"("datatype": "BYTES", "shape": [1], "data": ["AAEC"], "parameters": {"content_type": "pil"})")),
      HasSubstr("unsupported content_type `pil`; use `base64`"));
  EXPECT_EQ(
      refusal(with_input(
          R"("datatype": "BYTES", "shape": [2], "data": ["AAEC", "A"], "parameters": {"content_type": "base64"})")),
      "input `image`: element 1 is not base64 (the standard alphabet, padded, without line breaks)");
  EXPECT_THAT(
      refusal(with_input(
          R"("datatype": "BYTES", "shape": [1], "data": [1], "parameters": {"content_type": "base64"})")),
      HasSubstr("element 0 is not a string"));
}

TEST(InferRequest, ShapesMustMatchTheData) {
  const auto with_shape = [](const std::string& shape) {
    return refusal(with_input(
        R"("datatype": "BYTES", "parameters": {"content_type": "base64"}, "data": ["AAEC"])" + shape));
  };
  EXPECT_EQ(with_shape(R"(, "shape": [2])"), "input `image` has 2 elements by its shape, but contains 1");
  EXPECT_EQ(with_shape(R"(, "shape": [1, 1])"),
            "input `image` has the shape [1,1]; expected [N] for N pictures");
  EXPECT_EQ(with_shape(R"(, "shape": [-1])"),
            "input `image` has the shape [-1]; expected [N] for N pictures");
  EXPECT_EQ(with_shape(R"(, "shape": ["1"])"),
            "input `image` has the shape [\"1\"]; expected [N] for N pictures");
  EXPECT_EQ(with_shape(""), "input `image` has no shape; expected [N] for N pictures");
  EXPECT_EQ(refusal(with_input(R"("datatype": "UINT8", "shape": [1], "data": [1])")),
            "input `image` has the datatype `UINT8`; expected BYTES, the encoded picture files");
}

TEST(InferRequest, BinaryDataMustMatchItsSize) {
  const auto with_tail = [](const std::string& size, const std::string& tail) {
    return refusal(
        with_input(R"("datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": )" + size + "}"),
        tail);
  };
  EXPECT_EQ(with_tail("8", "\4\0\0\0abc"s),
            "input `image`: `binary_data_size` is 8, but only 7 bytes follow the JSON");
  EXPECT_EQ(with_tail("7", "\4\0\0\0abc"s),
            "input `image`: element 0 has a length of 4 bytes, but only 3 bytes of the tensor remain");
  EXPECT_EQ(with_tail("3", "\4\0\0"s),
            "input `image`: element 0 has no length prefix (4 bytes, little-endian)");
  EXPECT_EQ(with_tail("7", "\3\0\0\0abcd"s),
            "the inputs use 7 of the 8 bytes that follow the JSON; `binary_data_size` must account for all");
  EXPECT_EQ(with_tail("-1", "abcd"), "input `image`: `binary_data_size` is not a number of bytes");
  EXPECT_EQ(
      with_tail("4", "\377\377\377\377"s),
      "input `image`: element 0 has a length of 4294967295 bytes, but only 0 bytes of the tensor remain");
  EXPECT_EQ(read_infer_request("{}", "3").error().message,
            "the header Inference-Header-Content-Length says 3, but the body has 2 bytes");
  EXPECT_EQ(read_infer_request("{}", "two").error().message,
            "the header Inference-Header-Content-Length is not a number of bytes");
  EXPECT_EQ(refusal(with_input(R"("datatype": "BYTES", "shape": [1])")),
            "input `image` needs either `data` or the parameter `binary_data_size`");
}

TEST(InferRequest, NamesMissingAndUnknownParts) {
  EXPECT_EQ(refusal("{}"), "the request has no list `inputs`");
  EXPECT_EQ(refusal(R"({"inputs": []})"), "the request has no input `image`");
  EXPECT_EQ(refusal(R"({"inputs": [{"name": "picture"}]})"), "no input `picture`; the only input is `image`");
  EXPECT_EQ(refusal(R"({"inputs": [{"name": "image", )" + base64_input + R"(}, {"name": "image", )" +
                    base64_input + "}]}"),
            "duplicate input `image`; send several pictures as one input of shape [N]");
  EXPECT_EQ(refusal(with_input(base64_input, R"(, "outputs": [{"name": "labels"}])")),
            "no output `labels`; did you mean `label`?");
  EXPECT_EQ(refusal(with_input(base64_input, R"(, "outputs": [{"name": "x"}])")),
            "no output `x`; the outputs are `label`, `probability` and `rejected`");
  EXPECT_EQ(refusal(with_input(base64_input, R"(, "outputs": [{"name": "label"}, {"name": "label"}])")),
            "duplicate output `label`");
  EXPECT_EQ(refusal("[1]"), "the request is not a JSON object");
  EXPECT_THAT(refusal("{"), HasSubstr("request:1:"));
  EXPECT_EQ(refusal(with_input(base64_input, R"(, "id": 7)")), "`id` is not a string");
}

TEST(InferRequest, RefusesUnsupportedExtensions) {
  EXPECT_THAT(refusal(with_input(base64_input,
                                 R"(, "outputs": [{"name": "label", "parameters": {"classification": 3}}])")),
              HasSubstr("the classification extension is not supported"));
  EXPECT_THAT(refusal(with_input(
                  R"("datatype": "BYTES", "shape": [1], "parameters": {"shared_memory_region": "x"})")),
              HasSubstr("shared memory is not supported"));
  EXPECT_THAT(refusal(with_input(base64_input, R"(, "parameters": {"binary_data_output": 1})")),
              HasSubstr("the request: `binary_data_output` is not a boolean"));
  EXPECT_THAT(refusal(with_input(base64_input, R"(, "parameters": 1)")),
              HasSubstr("`parameters` is not an object"));
}

}  // namespace
}  // namespace sluice::api
