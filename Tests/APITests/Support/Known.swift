import Identity
import Notation
import People
import Secrecy

/// The clinic of these tests: two places, three practitioners, rooms, a device, three kinds of visit, four patients. It is
/// six o'clock on a Monday morning in Berlin; everybody works from eight to four, Monday to Friday.
enum Known {
    static let master = LocalMasterKeys([[UInt8](repeating: 5, count: LocalMasterKeys.byteCount)])!
    static let morning = Instant("2026-03-02T05:00:00Z")!

    static func id(_ number: Int) -> String {
        let digits = String(number)
        return "01900000-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    static let (river, harbour) = (id(1), id(2))
    static let (brandt, keller, okafor) = (id(101), id(102), id(103))
    static let (room, secondRoom, harbourRoom) = (id(201), id(202), id(203))
    static let ultrasound = id(251)
    static let (consultation, class_, scan) = (id(301), id(302), id(303))
    static let (emma, noah, lina, felix) = (id(501), id(502), id(503), id(504))
    /// A point of P-384 that has a form and no owner.
    static let publicKey: String = {
        let part = String(repeating: "A", count: 64)
        return #"{"kty":"EC","kid":"a","alg":"ES384","use":"sig","crv":"P-384","x":"\#(part)","y":"\#(part)"}"#
    }()

    /// Nobody and nothing.
    static let nobody = id(999)

    static let document: String = {
        let rules = [brandt, keller, okafor].enumerated().flatMap { index, practitioner in
            ["monday", "tuesday", "wednesday", "thursday", "friday"].enumerated().map { day, name in
                #"{"id":"\#(id(4000 + index * 10 + day))","resource":"\#(practitioner)","weekday":"\#(name)","from":"08:00","to":"16:00","zone":"Europe/Berlin"}"#
            }
        }
        let people = [(emma, "Emma Sample"), (noah, "Noah Example"), (lina, "Lina Muster"), (felix, "Felix Demo")]
        return """
            {"locations":[{"id":"\(river)","name":"River","zone":"Europe/Berlin"},{"id":"\(harbour)","name":"Harbour","zone":"Europe/Berlin"}],
            "practitioners":[{"id":"\(brandt)","name":"Dr. Brandt","location":"\(river)","specialty":"general"},
                {"id":"\(keller)","name":"Dr. Keller","location":"\(river)","specialty":"general"},
                {"id":"\(okafor)","name":"Dr. Okafor","location":"\(harbour)","specialty":"general"}],
            "rooms":[{"id":"\(room)","name":"Room 1","location":"\(river)","tags":["examination"]},
                {"id":"\(secondRoom)","name":"Room 2","location":"\(river)","tags":["examination"]},
                {"id":"\(harbourRoom)","name":"Room H","location":"\(harbour)","tags":["examination"]}],
            "devices":[{"id":"\(ultrasound)","name":"Ultrasound","location":"\(river)","tags":["ultrasound"]}],
            "visitTypes":[{"id":"\(consultation)","name":"Consultation","durationMinutes":20,"specialty":"general","roomTag":"examination"},
                {"id":"\(class_)","name":"Class","durationMinutes":60,"specialty":"general","patientsMaximum":3},
                {"id":"\(scan)","name":"Scan","durationMinutes":30,"specialty":"general","deviceTag":"ultrasound"}],
            "workingHours":[\(rules.joined(separator: ","))],
            "patients":[\(people.map { #"{"id":"\#($0.0)","name":"\#($0.1)","email":"someone@example.org","phone":"+49 30 555000"}"# }.joined(separator: ","))]}
            """
    }()

    /// The body of a booking.
    static func booking(
        at start: String, with practitioner: String = brandt, for patients: [String] = [emma], visit: String = consultation,
        more: String = ""
    ) -> String {
        let names = patients.map { "\"\($0)\"" }.joined(separator: ",")
        return
            #"{"visitType":"\#(visit)","practitioner":"\#(practitioner)","start":"\#(start)","patients":[\#(names)]\#(more.isEmpty ? "" : ",\(more)")}"#
    }
}

/// Who asks. The two patients and two practitioners are the same people as in the clinic.
extension Known {
    /// Of everybody in these tests.
    static let passwordText = "correct horse battery staple"
    static let password = Password(passwordText)

    static func credentials(_ who: Who, password: String = passwordText, more: String = "") -> String {
        #"{"login":"\#(who.login)","password":"\#(password)"\#(more.isEmpty ? "" : ",")\#(more)}"#
    }
}

enum Who: String, CaseIterable, Sendable {
    case emma, noah, brandt, keller, desk, admin, billing, privacy

    var login: String { "\(rawValue)@clinic.example" }

    var caller: Caller {
        let (role, subject): (Role, String) =
            switch self {
            case .emma: (.patient, Known.emma)
            case .noah: (.patient, Known.noah)
            case .brandt: (.practitioner, Known.brandt)
            case .keller: (.practitioner, Known.keller)
            case .desk: (.desk, Known.id(901))
            case .admin: (.admin, Known.id(902))
            case .billing: (.billing, Known.id(903))
            case .privacy: (.privacy, Known.id(904))
            }
        return Caller(role: role, subject: ID(subject)!)
    }
}
