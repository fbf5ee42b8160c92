#include <gmock/gmock.h>

#include "result_assertions.hpp"
#include "sluice/api/openinference/openinference.hpp"
#include "sluice/base/words.hpp"
#include "sluice/net/client.hpp"
#include "sluice/net/server.hpp"
#include "stage.hpp"

namespace sluice::api {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::string_literals;

/// End to end: a socket, the protocol, a model in git, a host process.
class EndpointTest : public ::testing::Test {
 protected:
  EndpointTest() : server_({.listen = "127.0.0.1:0"}, protocols(), stage_.clock) {
    EXPECT_TRUE(server_.start());
    client_.emplace(std::move(*net::HttpClient::make({.url = server_.url()})));
    stage_.deploy_stamps();
  }

  std::vector<ports::Protocol> protocols() {
    std::vector<ports::Protocol> out;
    out.push_back(openinference_protocol(*stage_.serving, "0.1.0"));
    return out;
  }

  std::string get(const std::string& target, int status = 200) {
    const auto response = test::value_of(client_->request({.target = target}));
    EXPECT_EQ(response.status, status);
    return response.body;
  }
  ports::Response infer(const std::string& body,
                        std::vector<std::pair<std::string, std::string>> headers = {},
                        const std::string& target = "/v2/models/stamps/infer") {
    return test::value_of(
        client_->request({.method = "POST", .target = target, .headers = std::move(headers), .body = body}));
  }
  static std::string request(const std::vector<std::string>& pictures, const std::string& rest = "") {
    std::string data;
    for (const auto& picture : pictures)
      data += (data.empty() ? "\"" : ", \"") + base64_encode(picture) + "\"";
    return R"({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [)" +
           std::to_string(pictures.size()) + R"(], "parameters": {"content_type": "base64"}, "data": [)" +
           data + "]}]" + rest + "}";
  }

  serving::Stage stage_;
  net::HttpServer server_;
  std::optional<net::HttpClient> client_;
};

TEST_F(EndpointTest, DescribesServerAndModel) {
  EXPECT_EQ(get("/v2"), R"({"name":"sluice","version":"0.1.0","extensions":["binary_tensor_data"]})");
  EXPECT_EQ(get("/v2/health/live"), R"({"live":true})");
  EXPECT_EQ(get("/v2/health/ready"), R"({"ready":true})");
  EXPECT_EQ(get("/v2/models/stamps/ready"), R"({"name":"stamps","ready":true})");
  EXPECT_EQ(get("/v2/models/stamps/versions/1/ready"), R"({"name":"stamps","ready":true})");
  const std::string model =
      R"({"name":"stamps","versions":["1"],"platform":"onnx_onnxv1","inputs":[{"name":"image","datatype":"BYTES","shape":[-1]}],)"
      R"("outputs":[{"name":"label","datatype":"BYTES","shape":[-1]},{"name":"probability","datatype":"FP32","shape":[-1,2]},)"
      R"({"name":"rejected","datatype":"BOOL","shape":[-1]}],"parameters":{"model":"stamps-model","classes":["bird","fish"]}})";
  EXPECT_EQ(get("/v2/models/stamps"), model);
  EXPECT_EQ(get("/v2/models/stamps/versions/1"), model);
}

TEST_F(EndpointTest, IsReadyFromMemoryAlone) {
  const auto base = *stage_.models->resolve("default", "base", "");
  for (const auto* newer : {"cat", "cow", "ant"}) stage_.add_head("stamps-model", base, {newer, "dog"});
  get("/v2/models/stamps/versions/2");
  // A new server, which has read the ledger when it started; then everything on the disk is gone.
  serving::Serving restarted(*stage_.models, *stage_.ledger, *stage_.hosts, stage_.clock);
  ASSERT_TRUE(restarted.load());
  std::filesystem::remove_all(stage_.scratch.path);
  EXPECT_TRUE(restarted.ready("default", "stamps", {}));
  EXPECT_TRUE(restarted.ready("default", "stamps", 1));
  EXPECT_EQ(restarted.ready("default", "stamp", {}).error().message,
            "no endpoint `stamp`; did you mean `stamps`?");
  EXPECT_EQ(get("/v2/models/stamps/ready"), R"({"name":"stamps","ready":true})");
  EXPECT_EQ(get("/v2/models/stamps/versions/2/ready"), R"({"name":"stamps","ready":true})");
  EXPECT_EQ(
      get("/v2/models/stamps/versions/3/ready", 503),
      R"({"error":"version 3 of endpoint `stamps` was not asked for yet; the first request for it, or for its metadata, loads it"})");
  EXPECT_EQ(get("/v2/health/ready"), R"({"ready":true})");
  get("/v2/models/stamps/versions/3", 404);
}

TEST_F(EndpointTest, InfersFromJson) {
  const auto response = infer(request({"fish", "strange"}, R"(, "id": "42")"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(
      response.body,
      R"({"model_name":"stamps","model_version":"1","id":"42","outputs":[{"name":"label","datatype":"BYTES","shape":[2],"data":["fish","bird"]},)"
      R"({"name":"probability","datatype":"FP32","shape":[2,2],"data":[0.25,0.75,0.25,0.25]},)"
      R"({"name":"rejected","datatype":"BOOL","shape":[2],"data":[false,true]}]})");
  EXPECT_EQ(infer(request({"fish"}), {}, "/v2/models/stamps/versions/1/infer").status, 200);
}

TEST_F(EndpointTest, InfersFromBinaryTensors) {
  const std::string json =
      R"({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 8}}],)"
      R"( "outputs": [{"name": "label", "parameters": {"binary_data": true}}]})";
  const auto response =
      infer(json + "\4\0\0\0fish"s, {{"Inference-Header-Content-Length", std::to_string(json.size())}});
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "application/octet-stream");
  EXPECT_THAT(response.body, ::testing::EndsWith("}\4\0\0\0fish"s));
  const auto raw = infer("fish", {{"Inference-Header-Content-Length", "0"}});
  EXPECT_THAT(raw.body, HasSubstr("\4\0\0\0fish"s));
}

TEST_F(EndpointTest, InfersFromAPictureAndFromAForm) {
  const auto picture = infer("fish", {{"Content-Type", "image/png"}});
  EXPECT_EQ(picture.status, 200) << picture.body;
  EXPECT_EQ(picture.content_type, "application/json");
  EXPECT_THAT(picture.body, HasSubstr(R"("shape":[1],"data":["fish"])"));
  const std::string form =
      "--X\r\nContent-Disposition: form-data; name=a; filename=a\r\n\r\nfish\r\n"
      "--X\r\nContent-Disposition: form-data; name=b; filename=b\r\n\r\nstrange\r\n--X--\r\n";
  const auto files = infer(form, {{"Content-Type", "multipart/form-data; boundary=X"}});
  EXPECT_EQ(files.status, 200) << files.body;
  EXPECT_THAT(files.body, HasSubstr(R"("shape":[2],"data":["fish","bird"])"));
}

TEST_F(EndpointTest, ErrorsAreInTheProtocolsForm) {
  EXPECT_EQ(get("/v2/models/stamp", 404), R"({"error":"no endpoint `stamp`; did you mean `stamps`?"})");
  EXPECT_EQ(get("/v2/models/stamp/ready", 404), R"({"error":"no endpoint `stamp`; did you mean `stamps`?"})");
  EXPECT_EQ(get("/v2/models/stamps/versions/x", 404),
            R"({"error":"`x` is not a valid version; versions are numbers from 1"})");
  EXPECT_THAT(get("/v2/models/stamps/versions/9", 404), StartsWith(R"({"error":")"));
  EXPECT_EQ(get("/v2/models/stamps/config", 404),
            R"({"error":"no route matches `/v2/models/stamps/config`; see /v1"})");
  EXPECT_EQ(infer(request({"fish"}), {}, "/v2/models/none/infer").status, 404);
  EXPECT_EQ(infer("{").status, 400);
  const auto bad = infer(request({"fish", "bad"}));
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.body, R"({"error":"image[1]: this is not a picture"})");
  const auto died = infer(request({"die"}));
  EXPECT_EQ(died.status, 503);
  EXPECT_THAT(died.body,
              StartsWith(R"({"error":"the host of endpoint `stamps` died twice during this request; )"));
  EXPECT_THAT(died.body, HasSubstr("the model host ended"));
}

}  // namespace
}  // namespace sluice::api
