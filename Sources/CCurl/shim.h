#include <curl/curl.h>

// libcurl's options are set through a function with any number of arguments, which Swift cannot call: one for each kind of value.

static inline CURLcode mc_set_number(CURL *curl, CURLoption option, long value) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode mc_set_text(CURL *curl, CURLoption option, const char *value) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode mc_set_pointer(CURL *curl, CURLoption option, void *value) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode mc_set_read(CURL *curl, curl_read_callback read, void *context) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_READFUNCTION, read);
    return code ? code : curl_easy_setopt(curl, CURLOPT_READDATA, context);
}
static inline CURLcode mc_set_write(CURL *curl, curl_write_callback write) {
    return curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write);
}
static inline CURLcode mc_set_debug(CURL *curl, curl_debug_callback debug, void *context) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, debug);
    return code ? code : curl_easy_setopt(curl, CURLOPT_DEBUGDATA, context);
}
static inline CURLcode mc_set_progress(CURL *curl, curl_xferinfo_callback progress, void *context) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
    return code ? code : curl_easy_setopt(curl, CURLOPT_XFERINFODATA, context);
}
static inline long mc_response_code(CURL *curl) {
    long code = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    return code;
}
