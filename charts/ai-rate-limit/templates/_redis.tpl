{{/* How programs reach Redis: environment, volumes and mounts. */}}

{{/* The Redis of the counters as YAML: what `redis` says, or the trial Redis in the same form. */}}
{{- define "airl.redis" -}}
{{- if .Values.trialRedis.enabled -}}
{{- $name := printf "%s-redis" (include "airl.fullname" .) -}}
{{- toYaml (merge (dict "url" (printf "redis://%s:6379" $name) "existingSecret" $name "passwordKey" "password") .Values.redis) -}}
{{- else -}}
{{- toYaml .Values.redis -}}
{{- end -}}
{{- end -}}

{{- define "airl.hasRedis" -}}
{{- if or .url .urlKey }}true{{ end -}}
{{- end -}}

{{/* Every Redis that a component uses, as {"AIRL_REDIS": {...}}. The controller needs the configuration's alone. */}}
{{- define "airl.redisOf" -}}
{{- $counters := include "airl.redis" .root | fromYaml -}}
{{- $config := .root.Values.configRedis -}}
{{- $all := dict -}}
{{- if include "airl.hasRedis" $config }}{{ $_ := set $all "AIRL_CONFIG_REDIS" $config }}{{ end -}}
{{- if or (ne .component "controller") (not (include "airl.hasRedis" $config)) -}}
{{- $_ := set $all "AIRL_REDIS" $counters -}}
{{- end -}}
{{- range $prefix, $redis := $all -}}
{{- if eq $.component "controller" -}}
{{- $own := deepCopy $redis -}}
{{- with $redis.controller -}}
{{- if .username }}{{ $_ := set $own "username" .username }}{{ end -}}
{{- if .passwordKey }}{{ $_ := set $own "passwordKey" .passwordKey }}{{ end -}}
{{- end -}}
{{- $_ := set $all $prefix $own -}}
{{- end -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{/* AIRL_CONFIG_REDIS -> config-redis: names of volumes and folders. */}}
{{- define "airl.redisVolumeName" -}}
{{- . | trimPrefix "AIRL_" | lower | replace "_" "-" -}}
{{- end -}}

{{/* {"secret": [keys], "tls": [keys]}: what is mounted, and whether anything is. */}}
{{- define "airl.redisKeys" -}}
{{- $secret := list -}}
{{- if .existingSecret -}}
{{- with .passwordKey }}{{ $secret = append $secret . }}{{ end -}}
{{- with .sentinel.passwordKey }}{{ $secret = append $secret . }}{{ end -}}
{{- end -}}
{{- $tls := list -}}
{{- if .tls.existingSecret -}}
{{- range list .tls.caKey .tls.certKey .tls.keyKey }}{{ with . }}{{ $tls = append $tls . }}{{ end }}{{ end -}}
{{- end -}}
{{- toYaml (dict "secret" (uniq $secret) "tls" (uniq $tls)) -}}
{{- end -}}

{{- define "airl.redisEnv" -}}
{{- range $prefix, $redis := include "airl.redisOf" . | fromYaml }}
{{- $folder := printf "/etc/ai-rate-limit/%s" (include "airl.redisVolumeName" $prefix) }}
- name: {{ $prefix }}_URL
{{- if $redis.urlKey }}
  valueFrom:
    secretKeyRef:
      name: {{ $redis.existingSecret }}
      key: {{ $redis.urlKey }}
{{- else }}
  value: {{ $redis.url | quote }}
{{- end }}
{{- if $redis.cluster }}
- name: {{ $prefix }}_CLUSTER
  value: "true"
{{- end }}
{{- if not (kindIs "invalid" $redis.database) }}
- name: {{ $prefix }}_DB
  value: {{ $redis.database | toString | quote }}
{{- end }}
{{- with $redis.username }}
- name: {{ $prefix }}_USERNAME
  value: {{ . | quote }}
{{- end }}
{{- with $redis.sentinel.master }}
- name: {{ $prefix }}_SENTINEL_MASTER
  value: {{ . | quote }}
{{- end }}
{{- if $redis.existingSecret }}
{{- with $redis.passwordKey }}
- name: {{ $prefix }}_PASSWORD_FILE
  value: {{ $folder }}/{{ . }}
{{- end }}
{{- with $redis.sentinel.passwordKey }}
- name: {{ $prefix }}_SENTINEL_PASSWORD_FILE
  value: {{ $folder }}/{{ . }}
{{- end }}
{{- end }}
{{- with $redis.tls }}
{{- if .existingSecret }}
{{- range $name, $key := dict "CA" .caKey "CERT" .certKey "KEY" .keyKey }}
{{- with $key }}
- name: {{ $prefix }}_TLS_{{ $name }}_FILE
  value: {{ $folder }}-tls/{{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- with .serverName }}
- name: {{ $prefix }}_TLS_SERVER_NAME
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "airl.redisMounts" -}}
{{- range $prefix, $redis := include "airl.redisOf" . | fromYaml }}
{{- $name := include "airl.redisVolumeName" $prefix }}
{{- $keys := include "airl.redisKeys" $redis | fromYaml }}
{{- if $keys.secret }}
- name: {{ $name }}
  mountPath: /etc/ai-rate-limit/{{ $name }}
  readOnly: true
{{- end }}
{{- if $keys.tls }}
- name: {{ $name }}-tls
  mountPath: /etc/ai-rate-limit/{{ $name }}-tls
  readOnly: true
{{- end }}
{{- end }}
{{- end -}}

{{- define "airl.redisVolumes" -}}
{{- range $prefix, $redis := include "airl.redisOf" . | fromYaml }}
{{- $name := include "airl.redisVolumeName" $prefix }}
{{- $keys := include "airl.redisKeys" $redis | fromYaml }}
{{- with $keys.secret }}
- name: {{ $name }}
  secret:
    secretName: {{ $redis.existingSecret }}
    items:
    {{- range . }}
    - key: {{ . }}
      path: {{ . }}
    {{- end }}
{{- end }}
{{- with $keys.tls }}
- name: {{ $name }}-tls
  secret:
    secretName: {{ $redis.tls.existingSecret }}
    items:
    {{- range . }}
    - key: {{ . }}
      path: {{ . }}
    {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Made once: the Secret that is there wins. Remembered, so that every template of one rendering has the same. */}}
{{- define "airl.trialRedisPassword" -}}
{{- $trial := .Values.trialRedis -}}
{{- if not (hasKey $trial "passwordOfThisRendering") -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace (printf "%s-redis" (include "airl.fullname" .)) | default dict -}}
{{- $found := dig "data" "password" "" $secret | b64dec -}}
{{- $_ := set $trial "passwordOfThisRendering" ($found | default (randAlphaNum 32)) -}}
{{- end -}}
{{- $trial.passwordOfThisRendering -}}
{{- end -}}

{{- define "airl.trialRedisConfig" -}}
bind * -::*
port 6379
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
requirepass {{ include "airl.trialRedisPassword" . }}
{{ end -}}
