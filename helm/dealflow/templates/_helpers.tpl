{{/* The release's own name: two releases in one namespace do not collide, not even where a long name is cut. With `-opportunities` it has 52 letters at most: a
StatefulSet's name and the eleven letters of a revision become a label, which has 63. */}}
{{- define "dealflow.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- include "dealflow.cut" .Values.fullnameOverride -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- /* Not wherever the release's name contains the chart's: `deal` and `deal-dealflow` would be the same. */ -}}
{{- if eq $name .Release.Name -}}
{{- include "dealflow.cut" .Release.Name -}}
{{- else -}}
{{- include "dealflow.cut" (printf "%s-%s" .Release.Name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A name of at most 38 letters: of a longer one the beginning, and what tells it from others with the same beginning. */}}
{{- define "dealflow.cut" -}}
{{- if gt (len .) 38 -}}
{{- printf "%s-%s" (trunc 31 . | trimSuffix "-") (sha256sum . | trunc 6) -}}
{{- else -}}
{{- . | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dealflow.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "dealflow.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "dealflow.labels" -}}
{{ include "dealflow.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "dealflow.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "dealflow.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* What one part gets: the defaults, and what partValues says of it. Called with (dict "root" $ "part" name). */}}
{{- define "dealflow.part" -}}
{{- $own := default (dict) (get .root.Values.partValues .part) -}}
{{- toYaml (mergeOverwrite (deepCopy .root.Values.defaults) (deepCopy $own)) -}}
{{- end -}}

{{/* Whether a part runs in this release: the stub may be off, events go to a broker only where somebody wants them. */}}
{{- define "dealflow.runs" -}}
{{- $optional := dict "erp" .root.Values.erp.stub "events-nats" .root.Values.events.nats.enabled -}}
{{- if dig .part true $optional -}}yes{{- end -}}
{{- end -}}

{{/* Restricted pod security: nothing is written but the data folder and /tmp. */}}
{{- define "dealflow.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "dealflow.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Sums of the secrets that a part reads once, when it starts: at the next upgrade a changed one rolls its pods. Certificates
and keys of tokens are read again by themselves. Nothing is there to be summed where helm talks to no cluster. */}}
{{- define "dealflow.secretSums" -}}
{{- $names := list -}}
{{- if eq .root.Values.database.mode "postgresql" }}{{ $names = append $names .root.Values.database.postgresql.existingSecret }}{{ end -}}
{{- if eq .part "events-nats" }}{{ $names = append $names .root.Values.events.nats.existingSecret }}{{ end -}}
{{- $root := .root -}}
{{- range $name := $names }}
{{- with lookup "v1" "Secret" $root.Release.Namespace $name }}
checksum/secret-{{ $name }}: {{ toJson .data | sha256sum }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The database's URL comes from a secret that exists, as a file: never from a value, never through the environment. */}}
{{- define "dealflow.databaseEnv" -}}
- name: DEALFLOW_DATABASE_URL
  value: "@/secrets/database/url"
{{- end -}}

{{- define "dealflow.databaseMount" -}}
- {name: database, mountPath: /secrets/database, readOnly: true}
{{- end -}}

{{- define "dealflow.databaseVolume" -}}
- name: database
  secret:
    secretName: {{ .Values.database.postgresql.existingSecret }}
    defaultMode: 0440
    items:
      - {key: {{ .Values.database.postgresql.secretKey }}, path: url}
{{- end -}}

{{/* The way out to what the release does not bring along, for a network policy: the database, the broker. Called with
where it is: port, podSelector, namespaceSelector, cidr. */}}
{{- define "dealflow.wayOut" -}}
- ports:
    - {port: {{ .port }}, protocol: TCP}
  {{- if or .podSelector .namespaceSelector .cidr }}
  to:
    {{- if .cidr }}
    - ipBlock: {cidr: {{ .cidr }}}
    {{- end }}
    {{- if or .podSelector .namespaceSelector }}
    - podSelector: {{- toYaml .podSelector | nindent 8 }}
      {{- with .namespaceSelector }}
      namespaceSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end -}}

{{/* The ports of an address for a network policy: its own, or that of its scheme; and that of the pods behind it, where it is
another. Called with (dict "url" address "pods" port). */}}
{{- define "dealflow.portsOf" -}}
{{- $url := urlParse .url -}}
{{- $said := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $port := int (default (ternary "80" "443" (eq $url.scheme "http")) $said) -}}
{{- if or (lt $port 1) (gt $port 65535) -}}
{{- fail (printf "%s: there is no port %d" .url $port) -}}
{{- end -}}
{{- $rules := list -}}
{{- range uniq (list $port (int (default $port .pods))) -}}
{{- $rules = append $rules (printf "- {port: %d, protocol: TCP}" .) -}}
{{- end -}}
{{- join "\n" $rules -}}
{{- end -}}

{{/* Where events are published, and where the gateway is, whose events are published too. The broker's address comes from
a secret that exists, as a file: it may hold a password. */}}
{{- define "dealflow.eventsEnv" -}}
{{- $nats := .Values.events.nats -}}
- {name: DEALFLOW_GATEWAY_URL, value: "{{ include "dealflow.scheme" . }}://{{ include "dealflow.fullname" . }}-gateway:{{ .Values.parts.gateway.port }}"}
- {name: DEALFLOW_NATS_URL, value: "@/secrets/nats/url"}
- {name: DEALFLOW_NATS_STREAM, value: {{ $nats.stream | quote }}}
- {name: DEALFLOW_NATS_PREFIX, value: {{ $nats.prefix | quote }}}
- {name: DEALFLOW_NATS_KEEP, value: {{ $nats.keepHours | quote }}}
{{- if $nats.ca.existingConfigMap }}
- {name: DEALFLOW_NATS_CA, value: /config/nats-ca/ca.crt}
{{- end }}
{{- end -}}

{{- define "dealflow.eventsMounts" -}}
- {name: nats, mountPath: /secrets/nats, readOnly: true}
{{- if .Values.events.nats.ca.existingConfigMap }}
- {name: nats-ca, mountPath: /config/nats-ca, readOnly: true}
{{- end }}
{{- end -}}

{{- define "dealflow.eventsVolumes" -}}
{{- $nats := .Values.events.nats -}}
- name: nats
  secret: {secretName: {{ $nats.existingSecret }}, defaultMode: 0440, items: [{key: {{ $nats.secretKey }}, path: url}]}
{{- if $nats.ca.existingConfigMap }}
- name: nats-ca
  configMap: {name: {{ $nats.ca.existingConfigMap }}, items: [{key: {{ $nats.ca.key }}, path: ca.crt}]}
{{- end }}
{{- end -}}

{{/* Whether `helm test` runs a deal: into the stub, or into an ERP that was named for it, with a token where one is asked for. */}}
{{- define "dealflow.testsDeal" -}}
{{- if and (or .Values.erp.stub .Values.erp.testDeal) (or .Values.security.insecure .Values.security.test.existingSecret) -}}yes{{- end -}}
{{- end -}}

{{/* What lies outside the release: what is said of it fits together. */}}
{{- define "dealflow.checkWaysOut" -}}
{{- with .Values.telemetry -}}
{{- if and .otlpCa.existingConfigMap (not (hasPrefix "https://" .otlpEndpoint)) -}}
{{- fail "telemetry.otlpCa: an authority is given, and telemetry.otlpEndpoint is no https:// address; give one, or leave the authority out" -}}
{{- end -}}
{{- end -}}
{{- with .Values.erp -}}
{{- if and .stub .url -}}
{{- fail "erp: an address is given, and stub is true: orders and invoices would go to the stub; set erp.stub to false, or leave erp.url out" -}}
{{- end -}}
{{- if and .ca.existingConfigMap (not (hasPrefix "https://" .url)) -}}
{{- fail "erp.ca: an authority is given, and erp.url is no https:// address; give one, or leave the authority out" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Either insecure, or certificates and tokens whole. */}}
{{- define "dealflow.checkSecurity" -}}
{{- $it := .Values.security -}}
{{- $issuer := $it.tls.certManager.issuer.name -}}
{{- $given := or $it.tls.existingSecret $issuer $it.tokens.jwksUrl $it.tokens.jwks.existingConfigMap $it.tokens.issuer $it.tokens.audience -}}
{{- if and $it.insecure $given -}}
{{- fail "security: insecure is true, and certificates or tokens are given beside it; set security.insecure to false, or leave them out" -}}
{{- end -}}
{{- if not $it.insecure -}}
{{- $missing := list -}}
{{- if not (or $it.tls.existingSecret $issuer) -}}
{{- $missing = append $missing "security.tls.existingSecret or security.tls.certManager.issuer.name" -}}
{{- end -}}
{{- if not (or $it.tokens.jwksUrl $it.tokens.jwks.existingConfigMap) -}}
{{- $missing = append $missing "security.tokens.jwksUrl or security.tokens.jwks.existingConfigMap" -}}
{{- end -}}
{{- if not $it.tokens.issuer -}}{{- $missing = append $missing "security.tokens.issuer" -}}{{- end -}}
{{- if not $it.tokens.audience -}}{{- $missing = append $missing "security.tokens.audience" -}}{{- end -}}
{{- if $missing -}}
{{- fail (printf "security: insecure is false, so this is missing: %s" (join ", " $missing)) -}}
{{- end -}}
{{- if and .Values.erp.testDeal (not .Values.erp.stub) (not $it.test.existingSecret) -}}
{{- fail "erp.testDeal: helm test is to book a deal, and has no token for it; give security.test.existingSecret, or leave erp.testDeal out" -}}
{{- end -}}
{{- if and (hasPrefix "http://" .Values.erp.url) (not .Values.erp.insecure) -}}
{{- fail "erp.url: security.insecure is false, and orders and invoices would go to the ERP unencrypted; give an https:// address, or say erp.insecure=true where the way there is encrypted otherwise" -}}
{{- end -}}
{{- if and $it.tls.existingSecret $issuer -}}
{{- fail "security.tls: existingSecret and certManager.issuer are both given; one of them says where certificates come from" -}}
{{- end -}}
{{- if and $it.tokens.jwksUrl $it.tokens.jwks.existingConfigMap -}}
{{- fail "security.tokens: jwksUrl and jwks.existingConfigMap are both given; one of them says where keys come from" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "dealflow.scheme" -}}
{{- ternary "http" "https" .Values.security.insecure -}}
{{- end -}}

{{/* The secret with a part's certificate. Called with (dict "root" $ "part" name). */}}
{{- define "dealflow.tlsSecret" -}}
{{- $tls := .root.Values.security.tls -}}
{{- if $tls.existingSecret -}}
{{- $tls.existingSecret | replace "{part}" .part -}}
{{- else -}}
{{- printf "%s-%s-tls" (include "dealflow.fullname" .root) .part -}}
{{- end -}}
{{- end -}}

{{/* The file with the parts' authority. */}}
{{- define "dealflow.ca" -}}
{{- ternary "/secrets/ca/ca.crt" "/secrets/tls/ca.crt" (not (empty .Values.security.tls.ca.existingConfigMap)) -}}
{{- end -}}

{{/* The names in certificates that a part lets in, with commas between them: of the parts that call it. Where nobody does,
its own, since it must ask; the gateway asks for tokens. Called with (dict "root" $ "part" name). */}}
{{- define "dealflow.peers" -}}
{{- $root := .root -}}
{{- $part := .part -}}
{{- $given := dict "gateway" $root.Values.security.tls.peers "events-nats" $root.Values.events.nats.peers -}}
{{- $peers := list -}}
{{- range $caller, $shape := $root.Values.parts -}}
{{- if and (has $part $shape.calls) (include "dealflow.runs" (dict "root" $root "part" $caller)) -}}
{{- $peers = append $peers $caller -}}
{{- end -}}
{{- end -}}
{{- if not (or $peers (eq $part "gateway")) -}}
{{- $peers = list $part -}}
{{- end -}}
{{- $names := list -}}
{{- range $peer := $peers -}}
{{- $service := printf "%s-%s.%s.svc" (include "dealflow.fullname" $root) $peer $root.Release.Namespace -}}
{{- $names = concat $names (default (list $service) (get $given $peer)) -}}
{{- end -}}
{{- join "," $names -}}
{{- end -}}

{{/* A part's certificate, whom it believes, and the table of roles. Called with (dict "root" $ "part" name). */}}
{{- define "dealflow.securityEnv" -}}
{{- $security := .root.Values.security -}}
{{- $peers := include "dealflow.peers" . -}}
- {name: DEALFLOW_TLS_CERT, value: /secrets/tls/tls.crt}
- {name: DEALFLOW_TLS_KEY, value: /secrets/tls/tls.key}
{{- if (get .root.Values.parts .part).calls }}
- {name: DEALFLOW_TLS_CA, value: {{ include "dealflow.ca" .root }}}
{{- end }}
{{- if $peers }}
- {name: DEALFLOW_TLS_CLIENT_CA, value: {{ include "dealflow.ca" .root }}}
- {name: DEALFLOW_TLS_PEERS, value: {{ $peers | quote }}}
{{- end }}
{{- if eq .part "gateway" }}
{{- with $security.tokens }}
- {name: DEALFLOW_TOKEN_KEYS, value: {{ default "/config/jwks/jwks.json" .jwksUrl | quote }}}
- {name: DEALFLOW_TOKEN_ISSUER, value: {{ .issuer | quote }}}
- {name: DEALFLOW_TOKEN_AUDIENCE, value: {{ .audience | quote }}}
- {name: DEALFLOW_TOKEN_ACTOR_CLAIM, value: {{ .actorClaim | quote }}}
- {name: DEALFLOW_TOKEN_ROLES_CLAIM, value: {{ .rolesClaim | quote }}}
- {name: DEALFLOW_TOKEN_ALGORITHMS, value: {{ join "," .algorithms | quote }}}
{{- if .providerCa.existingConfigMap }}
- {name: DEALFLOW_TOKEN_CA, value: /config/provider-ca/ca.crt}
{{- end }}
{{- end }}
{{- end }}
{{- if $security.roles.existingConfigMap }}
- {name: DEALFLOW_ROLES, value: /config/roles/roles.txt}
{{- end }}
{{- end -}}

{{- define "dealflow.securityMounts" -}}
{{- $security := .root.Values.security -}}
- {name: tls, mountPath: /secrets/tls, readOnly: true}
{{- if $security.tls.ca.existingConfigMap }}
- {name: ca, mountPath: /secrets/ca, readOnly: true}
{{- end }}
{{- if $security.roles.existingConfigMap }}
- {name: roles, mountPath: /config/roles, readOnly: true}
{{- end }}
{{- if eq .part "gateway" }}
{{- if $security.tokens.jwks.existingConfigMap }}
- {name: jwks, mountPath: /config/jwks, readOnly: true}
{{- end }}
{{- if $security.tokens.providerCa.existingConfigMap }}
- {name: provider-ca, mountPath: /config/provider-ca, readOnly: true}
{{- end }}
{{- end }}
{{- end -}}

{{- define "dealflow.securityVolumes" -}}
{{- $security := .root.Values.security -}}
- name: tls
  secret: {secretName: {{ include "dealflow.tlsSecret" . }}, defaultMode: 0440}
{{- with $security.tls.ca }}
{{- if .existingConfigMap }}
- name: ca
  configMap: {name: {{ .existingConfigMap }}, items: [{key: {{ .key }}, path: ca.crt}]}
{{- end }}
{{- end }}
{{- with $security.roles }}
{{- if .existingConfigMap }}
- name: roles
  configMap: {name: {{ .existingConfigMap }}, items: [{key: {{ .key }}, path: roles.txt}]}
{{- end }}
{{- end }}
{{- if eq .part "gateway" }}
{{- with $security.tokens.jwks }}
{{- if .existingConfigMap }}
- name: jwks
  configMap: {name: {{ .existingConfigMap }}, items: [{key: {{ .key }}, path: jwks.json}]}
{{- end }}
{{- end }}
{{- with $security.tokens.providerCa }}
{{- if .existingConfigMap }}
- name: provider-ca
  configMap: {name: {{ .existingConfigMap }}, items: [{key: {{ .key }}, path: ca.crt}]}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
