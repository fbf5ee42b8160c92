// Bodies that are not the protocol's JSON: pictures as they are, forms, and what is neither.
#include <gmock/gmock.h>

#include "result_assertions.hpp"
#include "sluice/api/openinference/infer_request.hpp"

namespace sluice::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::string_literals;

const std::string png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s;

InferRequest read(const std::string& body, const std::string& content_type) {
  return test::value_of(read_infer_request({.bytes = body, .content_type = content_type}));
}
std::string refusal(const std::string& body, const std::string& content_type = "") {
  return test::message_of(read_infer_request({.bytes = body, .content_type = content_type}));
}

const std::string form_type = "multipart/form-data; boundary=XX";

std::string part(const std::string& headers, const std::string& content) {
  return "--XX\r\n" + headers + "\r\n\r\n" + content + "\r\n";
}
std::string file(const std::string& content, const std::string& name = "image") {
  return part(
      "Content-Disposition: form-data; name=\"" + name + "\"; filename=\"a.png\"\r\nContent-Type: image/png",
      content);
}

TEST(PictureBody, IsTakenByItsTypeOrItsContent) {
  for (const char* type : {"image/png", "IMAGE/PNG", "image/jpeg; charset=binary", "application/octet-stream",
                           "application/x-www-form-urlencoded", "application/json", "text/plain", ""}) {
    const auto request = read(png, type);
    EXPECT_THAT(request.pictures, ElementsAre(png)) << type;
    EXPECT_EQ(request.outputs.size(), 3U);
    EXPECT_FALSE(request.outputs[0].binary) << "a person reads the response";
  }
}

TEST(PictureBody, IsRecognizedInEachFormat) {
  for (const auto& begin : {"\xff\xd8\xff\xe0"s, "GIF89a"s, "RIFF\x10\0\0\0WEBPVP8 "s, "II*\0\x08"s,
                            "MM\0*\0"s, "BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"s,
                            "\0\0\0\x1c"
                            "ftypavif\0\0\0\0"s,
                            "\0\0\0\x18"
                            "ftypheic\0\0\0\0"s})
    EXPECT_THAT(read(begin, "application/octet-stream").pictures, ElementsAre(begin));
}

TEST(PictureBody, OfAPictureTypeIsLeftToTheHost) {
  EXPECT_THAT(read("anything", "image/x-unknown").pictures, ElementsAre("anything"));
  EXPECT_THAT(read("", "image/png").pictures, ElementsAre(""));
}

TEST(OtherBody, IsAnsweredWithWhatCanBeSent) {
  const std::string neither =
      "the body is neither JSON nor a picture; send the protocol's JSON, or a picture as it is (curl "
      "--data-binary "
      "@FILE), or files in a form (curl -F image=@FILE), or JSON and binary tensors with the header "
      "Inference-Header-Content-Length";
  EXPECT_EQ(refusal("image=@a.png", "application/x-www-form-urlencoded"), neither);
  EXPECT_EQ(refusal("hello", "application/json"), neither);
  EXPECT_EQ(refusal("\1\2\3", "application/octet-stream"), neither);
  EXPECT_EQ(refusal("\"text\""), neither);
  EXPECT_EQ(refusal(""), "the request has no body; send the protocol's JSON, or a picture as it is");
}

TEST(OtherBody, ATensorWithoutItsHeaderIsExplained) {
  const std::string json =
      R"({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 24}}]})";
  EXPECT_EQ(
      refusal(json + "\x14\0\0\0"s + png, "application/octet-stream"),
      "request:1:" + std::to_string(json.size() + 1) +
          ": unexpected text after the end of the value; where binary tensors follow the JSON, the header "
          "Inference-Header-Content-Length gives the JSON's length");
  EXPECT_THAT(refusal(json + png), HasSubstr("the header Inference-Header-Content-Length gives"));
  EXPECT_THAT(refusal(json + "x"), ::testing::EndsWith("unexpected text after the end of the value"));
  EXPECT_EQ(
      refusal("\x14\0\0\0"s + png, "application/octet-stream"),
      "the body begins with a length prefix: a binary tensor follows the JSON that describes it, and the "
      "header "
      "Inference-Header-Content-Length gives the JSON's length; a picture alone is sent without a prefix");
}

TEST(Form, GivesItsFiles) {
  EXPECT_THAT(read(file("one") + "--XX--\r\n", form_type).pictures, ElementsAre("one"));
  const auto several =
      read(file("one") + file("\r\n--X\r\n--XY\r\n--XX?", "other") + file("") + "--XX--", form_type);
  EXPECT_THAT(several.pictures, ElementsAre("one", "\r\n--X\r\n--XY\r\n--XX?", ""));
  EXPECT_EQ(several.outputs.size(), 3U);
  EXPECT_FALSE(several.outputs[0].binary);
}

TEST(Form, TakesWhatClientsMakeOfIt) {
  const std::string end = "--XX--\r\n";
  // Text before the first field and after the last; blanks after a boundary.
  EXPECT_THAT(read("preamble\r\n" + file("one") + end + "epilogue", form_type).pictures, ElementsAre("one"));
  EXPECT_THAT(read("\r\n--XX \t\r\n" + file("one").substr(6) + end, form_type).pictures, ElementsAre("one"));
  // Quoted boundaries, and other cases of letters.
  EXPECT_THAT(read(file("one") + end, "Multipart/Form-Data; charset=utf-8; Boundary=\"XX\"").pictures,
              ElementsAre("one"));
  // A file by its type, or by its content alone.
  EXPECT_THAT(
      read(part("content-disposition:form-data;name=image\r\ncontent-type:application/octet-stream", "one") +
               end,
           form_type)
          .pictures,
      ElementsAre("one"));
  EXPECT_THAT(read(part("Content-Disposition: form-data; name=image", png) + end, form_type).pictures,
              ElementsAre(png));
  // Names with quotes, backslashes and semicolons.
  EXPECT_THAT(
      read(
          part(R"(Content-Disposition: form-data; name="a\";\\"; filename="C:\new; \"x\".png")", "one") + end,
          form_type)
          .pictures,
      ElementsAre("one"));
  EXPECT_THAT(
      read(part("Content-Disposition: form-data; name=image; filename*=UTF-8''a%CC%88.png", "one") + end,
           form_type)
          .pictures,
      ElementsAre("one"));
  // A file that the person did not choose.
  const auto unselected = part(
      "Content-Disposition: form-data; name=\"b\"; filename=\"\"\r\nContent-Type: application/octet-stream",
      "");
  EXPECT_THAT(read(file("one") + unselected + end, form_type).pictures, ElementsAre("one"));
}

TEST(Form, MistakesAreExplained) {
  const std::string end = "--XX--\r\n";
  EXPECT_EQ(refusal(part("Content-Disposition: form-data; name=\"image\"", "a.png") + end, form_type),
            "field `image` of the form is text; send pictures as files (curl -F image=@FILE)");
  EXPECT_EQ(refusal(end, form_type), "the form has no file; send one (curl -F image=@FILE)");
  for (const char* type :
       {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary"})
    EXPECT_EQ(
        refusal(file("one") + end, type),
        "the header Content-Type of a form has no valid boundary; let the client write that header itself");
  EXPECT_EQ(
      refusal(file("one") + end, "multipart/form-data; boundary=" + std::string(71, 'x')),
      "the header Content-Type of a form has no valid boundary; let the client write that header itself");
  EXPECT_EQ(refusal(file("one") + end, "multipart/form-data; boundary=YY"),
            "the form has no line `--YY`, the boundary in its Content-Type");
  EXPECT_EQ(refusal("", form_type), "the form has no line `--XX`, the boundary in its Content-Type");
  EXPECT_EQ(refusal(file("one"), form_type),
            "field 0 of the form has no end: the form's last line, `--XX--`, is missing");
  EXPECT_EQ(refusal("--XX\r\nContent-Disposition: form-data", form_type),
            "field 0 of the form has no end of its headers within 8 KiB");
  EXPECT_EQ(refusal(part("X: " + std::string(10'000, 'x'), "one") + end, form_type),
            "field 0 of the form has no end of its headers within 8 KiB");
  EXPECT_EQ(refusal(file("one") + part("Content-Type: image/png", "two") + end, form_type),
            "field 1 of the form has no header `Content-Disposition: form-data; name=…`");
  EXPECT_EQ(
      refusal(
          part("Content-Disposition: form-data; name=image; filename=a\r\nContent-Transfer-Encoding: base64",
               "AAEC") +
              end,
          form_type),
      "field 0 of the form is sent as `base64` (Content-Transfer-Encoding); send its bytes as they are");
}

TEST(Form, HasALimitedNumberOfFields) {
  std::string body;
  for (int i = 0; i < 1000; ++i) body += file("x");
  EXPECT_EQ(read(body + "--XX--", form_type).pictures.size(), 1000U);
  EXPECT_EQ(refusal(body + file("x") + "--XX--", form_type), "the form has more than 1000 fields");
}

}  // namespace
}  // namespace sluice::api
