import Notation
import Workflows

/// The telephones and browsers a patient gets notices on.
struct PatientDeviceRoutes {
    var routes: [Route] { [register, list, forget] }

    private var register: Route {
        Route(
            .post, "/v1/patients/{id}/devices", "registerPatientDevice",
            "Get a patient's notices on a telephone or in a browser; say it again whenever the app starts",
            takes: "DeviceRegistration", gives: "PatientDevice", problems: [.notFound, .recordClosed]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let registration = DeviceRegistration(fields)
            try fields.check()
            return Answer(
                try await clinic.registerDevice(
                    of: try exchange.id(), registration, in: exchange.session, call: exchange.call,
                    wording: exchange.wording { $0.stored }))
        }
    }

    private var list: Route {
        Route(
            .get, "/v1/patients/{id}/devices", "listPatientDevices", "Where a patient gets notices: ten devices at most",
            gives: "PatientDeviceList", problems: [.notFound]
        ) { exchange, clinic in
            let devices = try await clinic.devices(of: try exchange.id(), for: exchange.call)
            return .json(reserving: 2 * 1024) { json in
                json.object { json in
                    json.name("items")
                    json.array(of: devices) { $1.write(to: &$0) }
                }
            }
        }
    }

    private var forget: Route {
        Route(
            .delete, "/v1/patients/{id}/devices/{device}", "forgetPatientDevice", "Send nothing to a device any more",
            gives: "PatientDevice", problems: [.notFound]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(
                try await clinic.forgetDevice(
                    try exchange.id("device"), of: try exchange.id(), call: exchange.call,
                    wording: exchange.wording { $0.stored }))
        }
    }
}

extension PatientDevice {
    fileprivate var stored: StoredAnswer {
        var json = JSONWriter()
        write(to: &json)
        return StoredAnswer(status: 200, body: json.bytes)
    }
}
