import Notation

extension TenantDirectory {
    /// The directory as a file holds it: a line for each clinic, so that a change of one is a change of one line.
    var text: [UInt8] {
        var bytes = Array("{\n  \"tenants\": [".utf8)
        for (index, tenant) in tenants.enumerated() {
            bytes += Array((index == 0 ? "\n    " : ",\n    ").utf8)
            var json = JSONWriter()
            tenant.write(to: &json)
            bytes += json.bytes
        }
        return bytes + Array("\n  ]\n}\n".utf8)
    }
}

extension Tenant {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("name", name)
            json.member("hosts", hosts)
            home.write(to: &json)
            json.member("secretFile", residence.secretFile)
            if let previous {
                json.name("previous")
                json.object { previous.write(to: &$0) }
            }
        }
    }
}

extension Home {
    fileprivate func write(to json: inout JSONWriter) {
        json.member("database", database)
        json.member("directURL", directURL)
        json.member("replicaURL", replicaURL)
    }
}
