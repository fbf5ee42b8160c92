#include "sluice/api/openinference/infer_request.hpp"

#include <gmock/gmock.h>

#include "result_assertions.hpp"

namespace sluice::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::string_literals;

Result<InferRequest> parse(const std::string& json, const std::string& tail) {
  const std::string body = json + tail;
  const std::string length = tail.empty() ? "" : std::to_string(json.size());
  return read_infer_request({.bytes = body, .json_length = length, .content_type = "application/json"});
}

InferRequest read(const std::string& json, const std::string& tail = "") {
  return test::value_of(parse(json, tail));
}

std::string refusal(const std::string& json, const std::string& tail = "") {
  return test::message_of(parse(json, tail));
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

TEST(InferRequest, NullIsAbsent) {
  const auto request = read(with_input(
      R"("datatype": "BYTES", "shape": [1], "parameters": {"content_type": "base64", "headers": null, "binary_data_size": null, "shared_memory_region": null}, "data": ["AAEC"])",
      R"(, "id": null, "parameters": null, "outputs": null)"));
  EXPECT_THAT(request.pictures, ElementsAre("\0\1\2"s));
  EXPECT_FALSE(request.id);
  EXPECT_EQ(request.outputs.size(), 3U);
  const auto of_outputs = read(with_input(
      R"("datatype": "BYTES", "shape": [1], "parameters": {"content_type": null}, "data": ["AAEC"])",
      R"(, "parameters": {"content_type": "base64", "binary_data_output": null}, "outputs": [{"name": "label", "parameters": null}, {"name": "rejected", "parameters": {"binary_data": null, "classification": null, "shared_memory_region": null}}])"));
  EXPECT_THAT(of_outputs.pictures, ElementsAre("\0\1\2"s));
  EXPECT_FALSE(of_outputs.outputs.at(1).binary);
  const auto binary = read(
      with_input(R"("datatype": "BYTES", "shape": [1], "data": null, "parameters": {"binary_data_size": 5})"),
      "\1\0\0\0a"s);
  EXPECT_THAT(binary.pictures, ElementsAre("a"));
}

TEST(InferRequest, NullIsNoPicture) {
  EXPECT_EQ(refusal(with_input(R"("datatype": "BYTES", "shape": [1], "data": null)")),
            "input `image` needs either `data` or the parameter `binary_data_size`");
  EXPECT_EQ(refusal(with_input(R"("datatype": "BYTES", "shape": null, "data": ["AAEC"])")),
            "input `image` has no shape; expected [N] for N pictures");
  EXPECT_EQ(refusal(with_input(R"("datatype": null, "shape": [1], "data": ["AAEC"])")),
            "input `image` has no datatype; expected BYTES, the encoded picture files");
  EXPECT_EQ(
      refusal(with_input(
          R"("datatype": "BYTES", "shape": [1], "data": [null], "parameters": {"content_type": "base64"})")),
      "input `image`: element 0 is not a string");
  EXPECT_EQ(refusal(R"({"inputs": null})"), "the request has no list `inputs`");
  EXPECT_EQ(refusal(R"({"inputs": [null]})"), "an input has no name; the only input is `image`");
  EXPECT_EQ(refusal(R"({"inputs": [{"name": null}]})"), "an input has no name; the only input is `image`");
  EXPECT_EQ(refusal(with_input(base64_input, R"(, "outputs": [{"name": null}])")),
            "an output has no name; the outputs are `label`, `probability` and `rejected`");
}

TEST(InferRequest, TakesShapesWithDimensionsOfOne) {
  for (const char* shape : {"[2]", "[2, 1]", "[1, 2]", "[2, 1, 1]", "[1, 1, 2, 1]"}) {
    const auto request = read(with_input(
        R"("datatype": "BYTES", "parameters": {"content_type": "base64"}, "data": ["AAEC", "/w=="], "shape": )" +
        std::string(shape)));
    EXPECT_THAT(request.pictures, ElementsAre("\0\1\2"s, "\xff"s)) << shape;
  }
  for (const char* shape : {"[1]", "[1, 1]", "[]"}) {
    const auto request =
        read(with_input(R"("datatype": "BYTES", "parameters": {"binary_data_size": 5}, "shape": )" +
                        std::string(shape)),
             "\1\0\0\0a"s);
    EXPECT_THAT(request.pictures, ElementsAre("a")) << shape;
  }
}

TEST(InferRequest, TakesNestedData) {
  for (const char* data :
       {R"([["AAEC"], ["/w=="]])", R"([["AAEC", "/w=="]])", R"([[["AAEC"]], [["/w=="]]])"}) {
    const auto request = read(with_input(
        R"("datatype": "BYTES", "parameters": {"content_type": "base64"}, "shape": [2, 1], "data": )" +
        std::string(data)));
    EXPECT_THAT(request.pictures, ElementsAre("\0\1\2"s, "\xff"s)) << data;
  }
  EXPECT_EQ(
      refusal(with_input(
          R"("datatype": "BYTES", "shape": [2, 1], "data": [["AAEC"], ["?"]], "parameters": {"content_type": "base64"})")),
      "input `image`: element 1 is not base64 (the standard alphabet, padded, without line breaks)");
}

TEST(InferRequest, TakesAByteOrderMark) {
  EXPECT_EQ(read("\xef\xbb\xbf" + with_input(base64_input)).pictures.size(), 2U);
}

TEST(InferRequest, TakesOnePictureAsTheWholeBody) {
  const auto request = read_infer_request({.bytes = "\x89PNG", .json_length = "0"});
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
  EXPECT_EQ(with_shape(R"(, "shape": [2, 1])"), "input `image` has 2 elements by its shape, but contains 1");
  EXPECT_EQ(with_shape(R"(, "shape": [0, 1])"), "input `image` has 0 elements by its shape, but contains 1");
  EXPECT_EQ(with_shape(R"(, "shape": [2, 2])"),
            "input `image` has the shape [2,2]; expected [N] for N pictures");
  EXPECT_EQ(with_shape(R"(, "shape": [9223372036854775807, 2])"),
            "input `image` has the shape [9223372036854775807,2]; expected [N] for N pictures");
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
  EXPECT_EQ(
      with_tail("8", "\4\0\0\0abc"s),
      "input `image`: `binary_data_size` is 8, but only 7 bytes follow the JSON, whose length is in the "
      "header Inference-Header-Content-Length");
  EXPECT_EQ(with_tail("7", "\4\0\0\0abc"s),
            "input `image`: element 0 has a length of 4 bytes, but only 3 bytes of the tensor remain; each "
            "element of a binary tensor begins with its length prefix (4 bytes, little-endian)");
  EXPECT_EQ(with_tail("3", "\4\0\0"s),
            "input `image`: element 0 has no length prefix (4 bytes, little-endian)");
  EXPECT_EQ(with_tail("7", "\3\0\0\0abcd"s),
            "the inputs use 7 of the 8 bytes that follow the JSON; `binary_data_size` must account for all");
  EXPECT_EQ(with_tail("-1", "abcd"), "input `image`: `binary_data_size` is not a number of bytes");
  EXPECT_EQ(with_tail("4", "\377\377\377\377"s),
            "input `image`: element 0 has a length of 4294967295 bytes, but only 0 bytes of the tensor "
            "remain; each "
            "element of a binary tensor begins with its length prefix (4 bytes, little-endian)");
  EXPECT_EQ(
      with_tail("16", "\4\0\0\0abcd\4\0\0\0efgh"s),
      "input `image` has 1 elements by its shape, but contains 2; each element of a binary tensor begins "
      "with its length prefix (4 bytes, little-endian)");
  EXPECT_EQ(with_tail("16", "\xff\xd8\xff\xe0 and so on..."),
            "input `image`: element 0 is a picture without its length prefix (4 bytes, little-endian)");
  EXPECT_EQ(read_infer_request({.bytes = "{}", .json_length = "3"}).error().message,
            "the header Inference-Header-Content-Length says 3, but the body has 2 bytes");
  EXPECT_EQ(read_infer_request({.bytes = "{}", .json_length = "two"}).error().message,
            "the header Inference-Header-Content-Length is not a number of bytes");
  EXPECT_EQ(read_infer_request({.bytes = R"({"id": "a"})", .json_length = "6"}).error().message,
            "request:1:7: unexpected end of text; by the header Inference-Header-Content-Length, the first 6 "
            "bytes are "
            "the JSON");
  EXPECT_EQ(
      refusal(with_input(R"("datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 8})")),
      "input `image`: `binary_data_size` is 8, but only 0 bytes follow the JSON, whose length is in the "
      "header Inference-Header-Content-Length");
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
  EXPECT_EQ(refusal(with_input(
                R"("datatype": "BYTES", "shape": [1], "data": [], "parameters": {"content_type": 7})")),
            "input `image`: `content_type` is not a string");
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
