{{/* The release's own name: two releases in one namespace do not collide. */}}
{{- define "dealflow.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
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

{{/* Whether a part runs in this release: the stub may be off. */}}
{{- define "dealflow.runs" -}}
{{- if or (ne .part "erp") .root.Values.erp.stub -}}yes{{- end -}}
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

{{/* The way out to the database, for a network policy. */}}
{{- define "dealflow.toDatabase" -}}
{{- $pg := .Values.database.postgresql -}}
- ports:
    - {port: {{ $pg.port }}, protocol: TCP}
  {{- if or $pg.podSelector $pg.namespaceSelector $pg.cidr }}
  to:
    {{- if $pg.cidr }}
    - ipBlock: {cidr: {{ $pg.cidr }}}
    {{- end }}
    {{- if or $pg.podSelector $pg.namespaceSelector }}
    - podSelector: {{- toYaml $pg.podSelector | nindent 8 }}
      {{- with $pg.namespaceSelector }}
      namespaceSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end -}}
